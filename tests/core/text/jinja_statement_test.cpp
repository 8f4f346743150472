// Blocks, scopes, macros and white space, against what jinja2 gives for them.
#include <gtest/gtest.h>

#include "tests/core/text/render.h"

namespace weft {
namespace {

using test::expect_all;
using test::rendered;

TEST(JinjaStatement, LoopsKnowWhereTheyAre) {
  expect_all({
      {"{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ "
       "loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ "
       "loop.cycle('a','b') }};{% endfor %}",
       "1032TrueFalse31a;2121FalseFalse332b;3210FalseTrue31a;"},
      {"{% for x in e %}a{% else %}none{% endfor %}{% for x in l if x > 1 %}{{ loop.index }}{{ x "
       "}},{% endfor %}",
       "none13,22,"},
      {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor "
       "%}{% for c in 'éa' %}{{ c }}.{% endfor %}",
       "a=1;b=[None];abé.a."},
      {"{% for x in [1,2,3,4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break "
       "%}{% endif %}{{ x }}{% endfor %}",
       "13"},
      {"{% for i in [1,[2,[3]]] recursive %}{{ loop.depth }}{% if i is iterable %}({{ loop(i) "
       "}}){% else %}{{ i }}{% endif %}{% endfor %}",
       "111(222(33))"},
      {"{% for x in [1,1,2] %}{{ loop.changed(x) }} {% endfor %}", "True False True "},
      {"{% for a,b in [(1,2,3)] %}{% endfor %}",
       "template_error: template, line 1: too many values to unpack (expected 2)"},
      {"{% for q in 5 %}{% endfor %}",
       "template_error: template, line 1: 'int' object is not iterable"},
  });
}

TEST(JinjaStatement, OnlyANamespaceCarriesValuesOutOfALoop) {
  expect_all({
      {"{% set a = 1 %}{% for x in l %}{% set a = a + x %}{{ a }},{% endfor %}{{ a }}", "4,2,3,1"},
      {"{% set ns = namespace(a=1) %}{% for x in l %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a "
       "}}",
       "7"},
      {"{% if t %}{% set z = 5 %}{% endif %}{{ z }}", "5"},
      {"{% set n = n + 1 %}{% macro g() %}{{ n }}{% endmacro %}{{ g() }}{% set n = 100 %}{{ g() }}",
       "8100"},
      {"{% set a, b = 1, 2 %}{{ b }}{% set (q, r) = [8, 9] %}{{ q }}", "28"},
      {"{% with a=1, b=2 %}{{ a+b }}{% endwith %}{{ a }}", "3"},
      {"{% set d.y = 3 %}",
       "template_error: template, line 1: cannot assign attribute on non-namespace object"},
  });
}

TEST(JinjaStatement, BlocksWhoseTextIsAValue) {
  expect_all({
      {"{% set x %}hi {{ n }}{% endset %}[{{ x }}]{% set y | upper | trim %}  abc {% endset %}[{{ "
       "y }}]",
       "[hi 7][ABC]"},
      {"{% filter upper %}abc {{ n }}{% endfilter %}{% print n, 2 %}", "ABC 772"},
      {"{% raw %}{{ x }} {% if %}{% endraw %}{# {{ x }} #}", "{{ x }} {% if %}"},
      {"{% generation %}gen {{ n }}{% endgeneration %}", "gen 7"},
  });
}

TEST(JinjaStatement, MacrosTakeArgumentsAsPythonFunctionsDo) {
  expect_all({
      {"{% macro f(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ f(1) }} {{ f(1,3) }} {{ "
       "f(1,c=5) }} {{ f(b=1,a=2) }} {{ f() }}",
       "1-2-1 1-3-1 1-2-5 2-1-2 -2-"},
      {"{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1,2,3,x=4) }}",
       "1(2, 3){'x': 4}"},
      {"{% macro f(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) f(3) %}got {{ y }}{% endcall %}",
       "<got 3>"},
      {"{% macro f(n) %}{% if n <= 1 %}1{% else %}{{ n * f(n-1)|int }}{% endif %}{% endmacro %}{{ "
       "f(5) }}",
       "120"},
      {"{% macro f(*) %}{% endmacro %}",
       "template_syntax: template, line 1: found '*', expected a parameter"},
      {"{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1,2) }}",
       "template_error: template, line 1: macro 'f' takes not more than 1 argument(s)"},
      {"{% macro f(a) %}{{ a }}{% endmacro %}{{ f(z=2) }}",
       "template_error: template, line 1: macro 'f' takes no keyword argument 'z'"},
      {"{% macro f(a,b) %}{{ b }}{% endmacro %}{{ f(*[1], **{'b': 4}) }}", "4"},
  });
}

TEST(JinjaStatement, WhiteSpaceAroundTags) {
  expect_all({
      // trim_blocks, lstrip_blocks
      {"a\n  {% if t %}\n  b\n  {% endif %}\n c\n", "a\n  b\n c"},
      {"  {% if t %}x{% endif %}  \n  y", "x  \n  y"},
      {"  {{ n }}\n\n", "  7\n"},
      {"x {# c #}\n y\n  {# d #}\nz", "x  y\nz"},
      {"\t{% if t %}x{% endif %}", "x"},
      // signs
      {"  {% if t -%}\n\n  x  \n{%- endif %}", "x"},
      {"a  {{- n -}}  b", "a7b"},
      {"a\n\n  {%- if t %} b{% endif +%}\nc", "a b\nc"},
      {"a\n  {%+ if t %}b{% endif %}\n", "a\n  b"},
      {"{{ n -}}\n\n  {%- if t %}q{% endif %}", "7q"},
      {"a {%- raw %} x {% endraw -%}  b", "a x b"},
      {"{#- a -#}\n{#- b -#}\nx", "x"},
      // newlines of other systems
      {"a\r\nb\rc\r\n", "a\nb\nc"},
      {"{{ 'a\r\nb' }}", "a\nb"},
      // braces that are none
      {"{{ {'a':{'b':1}} }}{ }} %} {", "{'a': {'b': 1}}{ }} %} {"},
      {"{{ '{{' }}{{ '%}' }}", "{{%}"},
  });
}

TEST(JinjaStatement, SyntaxErrorsTellTheLineAndWhatWasFound) {
  expect_all({
      {"\n\n{% endif %}",
       "template_syntax: template, line 3: 'endif', but nothing is open that it belongs to"},
      {"{% if t %}\n{% for x in l %}{% endif %}",
       "template_syntax: template, line 2: 'endif', but nothing is open that it belongs to"},
      {"{% if t %}\na\n",
       "template_syntax: template, line 2: found the end of the template, expected 'endif'"},
      {"{{ 1 + }}", "template_syntax: template, line 1: found '}}', expected an expression"},
      {"{{ a b }}", "template_syntax: template, line 1: found 'b', expected '}}'"},
      {"{{ [1,2 }}", "template_syntax: template, line 1: '}', expected ']'"},
      {"{{ 'abc }}", "template_syntax: template, line 1: a string that is not closed: 'abc }}"},
      {"{% foo %}",
       "template_syntax: template, line 1: unknown tag 'foo', there are if, for, set, macro, call, "
       "filter, with, print, generation, break, continue"},
      {"{% include 'x' %}",
       "template_syntax: template, line 1: 'include': other templates and blocks to override are "
       "not "
       "supported"},
      {"{% break %}", "template_syntax: template, line 1: 'break' outside of a loop"},
      {"{{ $ }}", "template_syntax: template, line 1: '$' in a tag"},
      {"{% set true = 3 %}", "template_syntax: template, line 1: cannot assign to 'true'"},
      {"{{ 99999999999999999999 }}",
       "template_syntax: template, line 1: the number 99999999999999999999, expected one of 64 "
       "bits"},
  });
}

}  // namespace
}  // namespace weft
