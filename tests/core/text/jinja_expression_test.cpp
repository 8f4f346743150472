// Expressions, filters, tests and methods, against what jinja2 gives for them.
#include <gtest/gtest.h>

#include "core/text/jinja/print.h"
#include "tests/core/text/render.h"

namespace weft {
namespace {

using test::expect_all;
using test::rendered;

TEST(JinjaExpression, ArithmeticIsPythons) {
  expect_all({
      {"{{ 1+2*3 }}|{{ 2**3**2 }}|{{ -2**2 }}|{{ 7//2 }}|{{ -7//2 }}|{{ -7%3 }}|{{ 7%-3 }}|{{ 7/2 "
       "}}",
       "7|64|4|3|-4|2|-2|3.5"},
      {"{{ 6/2 }}|{{ 2**-1 }}|{{ 7.5//2 }}|{{ -7.5%2 }}|{{ 0x1f + 1_000 }}|{{ true+1 }}",
       "3.0|0.5|3.0|0.5|1031|2"},
      {"{{ 'a'*3 }} {{ [1]+[2] }} {{ (1,)*2 }} {{ 3 ~ (4 + 5) }}", "aaa [1, 2] (1, 1) 39"},
      {"{{ 9223372036854775807 + 1 }}",
       "template_error: template, line 1: the result of + does not fit an integer of 64 bits"},
      {"{{ 1//0 }}", "template_error: template, line 1: integer division or modulo by zero"},
      {"{{ 'a' + 1 }}",
       "template_error: template, line 1: can only concatenate str (not \"int\") to str"},
      {"{{ 'a' - 1 }}",
       "template_error: template, line 1: unsupported operand type(s) for -: 'str' and 'int'"},
  });
}

TEST(JinjaExpression, FloatsPrintTheShortestDigitsThatGiveThemBack) {
  expect_all({
      {"{{ 1.0 }} {{ 1e16 }} {{ 1e15 }} {{ 1.5e-5 }} {{ 0.1+0.2 }} {{ 1e100 }} {{ 123456789.123 }}",
       "1.0 1e+16 1000000000000000.0 1.5e-05 0.30000000000000004 1e+100 123456789.123"},
  });
  EXPECT_EQ(jinja::float_repr(-0.0), "-0.0");
  EXPECT_EQ(jinja::float_repr(0.0001), "0.0001");
  EXPECT_EQ(jinja::float_repr(0.00001234), "1.234e-05");
}

TEST(JinjaExpression, ValuesPrintAsPythonsReprInsideOfOthers) {
  expect_all({
      {"{{ [1,'a',\"it's\",none,true,1.5,(1,),(1,2),{'a':'b\"c'}] }}",
       "[1, 'a', \"it's\", None, True, 1.5, (1,), (1, 2), {'a': 'b\"c'}]"},
      {"{{ {'a':1,2:'b',none:3,(1,2):4} }}", "{'a': 1, 2: 'b', None: 3, (1, 2): 4}"},
      {"{{ ['\\x00\\x1f\\n\\u00e9\\u200b'] }}", "['\\x00\\x1f\\né\\u200b']"},
      {"{{ true }} {{ none }} {{ x }}|", "True None |"},
      {"{{ d.items() }} {{ d.keys() }}",
       "dict_items([('a', 1), ('b', [None])]) dict_keys(['a', 'b'])"},
  });
}

TEST(JinjaExpression, ComparisonsChainAndLogicGivesOperands) {
  expect_all({
      {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ [1,2] < [1,3] }} {{ none == false }}",
       "True False True True False"},
      {"{{ 1 and 0 or 'x' }} {{ '' or none }} {{ not 1 }} {{ 1 in l }} {{ 4 not in l }}",
       "x None False True True"},
      {"{{ 'x' if e else 'y' }} {{ 'a' if e else 'b' if t else 'c' }} {{ 'z' if e }}|", "y b |"},
      {"{{ {'a':1,'b':2} == {'b':2,'a':1} }} {{ [] == () }} {{ 9007199254740993 == "
       "9007199254740992.0 }}",
       "True False False"},
      {"{{ 1 > 'a' }}",
       "template_error: template, line 1: '>' not supported between instances of 'int' and 'str'"},
  });
}

TEST(JinjaExpression, SlicesAndItemsCountCharactersAsPythonDoes) {
  expect_all({
      {"{{ s[1] }}{{ s[-1] }}|{{ s[1:4] }}|{{ s[::-1] }}|{{ s[::2] }}|{{ s[10:2:-3] }}|{{ s|length "
       "}}",
       "éd|éll|dlröW olléh|hloWrd|döo|11"},
      {"{{ l[0] }}{{ l[-1] }} {{ l[1:] }} {{ l[::-1] }} {{ l[-2:] }} {{ l[2:0:-1] }} {{ l[9] }}|",
       "32 [1, 2] [2, 1, 3] [1, 2] [2, 1] |"},
      {"{{ m[1:][0].role }} {{ m.0.role }} {{ m[-1]['role'] }}", "assistant user user"},
      {"{{ no[1:] }}", "template_error: template, line 1: 'NoneType' object is not subscriptable"},
      {"{{ 'abc'[::0] }}", "template_error: template, line 1: slice step cannot be zero"},
  });
}

TEST(JinjaExpression, UndefinedPrintsAsNothingAndFailsWhereItIsUsed) {
  expect_all({
      {"{{ x }}|{{ d.x }}|{{ no.x }}|{% for q in x %}{% endfor %}|{{ 'a' in x }}|{{ x|length }}|{{ "
       "x == y }}",
       "||||False|0|True"},
      {"{{ x.y }}", "template_error: template, line 1: 'x' is undefined"},
      {"{{ d.x.y }}", "template_error: template, line 1: 'dict object' has no attribute 'x'"},
      {"\n{{ no.x.y }}", "template_error: template, line 2: 'None' has no attribute 'x'"},
      {"{{ 'a' + x }}", "template_error: template, line 1: 'x' is undefined"},
      {"{{ x() }}", "template_error: template, line 1: 'x' is undefined"},
      {"{{ l[9].y }}", "template_error: template, line 1: list object has no element 9"},
  });
}

TEST(JinjaExpression, NothingOfTheMachineIsInReach) {
  expect_all({
      {"{{ ''.__class__ }}{{ d.__class__ }}{{ l.append }}|", "|"},
      {"{{ ''.__class__.__mro__ }}",
       "template_error: template, line 1: access to attribute '__class__' of 'str' object is "
       "unsafe."},
      {"{{ l.append(1) }}",
       "template_error: template, line 1: access to attribute 'append' of 'list' object is "
       "unsafe."},
      {"{{ d.update({}) }}",
       "template_error: template, line 1: access to attribute 'update' of 'dict' object is "
       "unsafe."},
      {"{{ '{0.__class__.x}'.format('a') }}",
       "template_error: template, line 1: access to attribute '__class__' of 'str' object is "
       "unsafe."},
  });
}

TEST(JinjaExpression, StringMethods) {
  expect_all({
      {"{{ ' a '.strip() }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ "
       "'\\u00a0a\\u2003'.strip() }}",
       "a|a | a|a|a"},
      {"{{ ' a  b '.split() }}{{ 'a,b,,c'.split(',') }}{{ 'a b c'.split(' ',1) }}{{ ' a b "
       "'.split(none,1) }}{{ 'a b c'.rsplit(' ',1) }}",
       "['a', 'b']['a', 'b', '', 'c']['a', 'b c']['a', 'b ']['a b', 'c']"},
      {"{{ 'abc'.startswith('a') }} {{ 'abc'.endswith(('x','c')) }} {{ 'aaa'.replace('a','b',2) }} "
       "{{ 'ab'.replace('','-') }}",
       "True True bba -a-b-"},
      {"{{ 'éß'.upper() }} {{ 'ÀB'.lower() }} {{ \"they're\".title() }} {{ 'aBC'.capitalize() }} "
       "{{ 'aB'.swapcase() }}",
       "ÉSS àb They'Re Abc Ab"},
      {"{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ "
       "'a\\nb\\r\\nc\\n'.splitlines() }}",
       "('a', '-', 'b-c') ('a-b', '-', 'c') ['a', 'b', 'c']"},
      {"{{ 'ab'.ljust(4,'.') }} {{ 'ab'.rjust(4) }} {{ 'abc'.center(6,'*') }} {{ '-5'.zfill(4) }}",
       "ab..   ab *abc** -005"},
      {"{{ 'abcabc'.find('c') }} {{ 'abc'.find('z') }} {{ 'abcabc'.rfind('c') }} {{ "
       "'aXbX'.count('X') }}",
       "2 -1 5 2"},
      {"{{ ','.join(['x','y']) }} {{ 'abc'.removeprefix('a') }} {{ '12'.isdigit() }} {{ "
       "'ab1'.isalpha() }}",
       "x,y bc True False"},
  });
}

TEST(JinjaExpression, FormattingInBothWays) {
  expect_all({
      {"{{ '%s and %d|%5.2f|%-5s|%05d|%x|%r|%%' % ('a', 3, 2.5, 'q', 42, 255, 'z') }}",
       "a and 3| 2.50|q    |00042|ff|'z'|%"},
      {"{{ '%(a)s' % {'a': 1} }} {{ '%s-%s'|format('a', 1) }} {{ '%e' % 12345.678 }}",
       "1 a-1 1.234568e+04"},
      {"{{ '{} {} {a}'.format(1, 'b', a=3) }} {{ '{0}{1:>4} {a:06.1f} {b[x]}'.format(1, 'b', "
       "a=12.55, b={'x':9}) }}",
       "1 b 3 1   b 0012.6 9"},
      {"{{ '{:<4}|{:^5}|{:*^5}|{:+d}|{:,}|{{}}'.format('a','b','c',5,1234567) }}",
       "a   |  b  |**c**|+5|1,234,567|{}"},
      {"{{ '%s %s' % 'x' }}",
       "template_error: template, line 1: not enough arguments for format string"},
  });
}

TEST(JinjaExpression, FiltersOverSequences) {
  expect_all({
      {"{{ l|sort }}{{ l|sort(reverse=true) }}{{ l|reverse|list }}{{ l|join('-') }}{{ l|first }}{{ "
       "l|last }}{{ l|max }}{{ l|sum }}",
       "[1, 2, 3][3, 2, 1][2, 1, 3]3-1-2"
       "3"
       "2"
       "3"
       "6"},
      {"{{ m|map(attribute='role')|join(',') }} {{ "
       "m|selectattr('role','equalto','user')|list|length }} {{ "
       "m|rejectattr('role','eq','user')|map(attribute='content')|list }}",
       "user,assistant,user 2 ['yo']"},
      {"{{ l|select('odd')|list }} {{ l|reject('gt',1)|list }} {{ ['a','b']|map('upper')|join }} "
       "{{ no|selectattr('x')|list }}",
       "[3, 1] [1] AB []"},
      {"{{ m|sort(attribute='n')|map(attribute='n')|list }} {{ ['b','A','c']|sort }} {{ "
       "['a','A',1,1]|unique|list }}",
       "[1, 2, 3] ['A', 'b', 'c'] ['a', 1]"},
      {"{{ [1,2,3,4,5]|batch(2,'x')|list }} {{ [1,2,3]|slice(2)|list }} {{ {'b':1,'a':2}|dictsort "
       "}}",
       "[[1, 2], [3, 4], [5, 'x']] [[1, 2], [3]] [('a', 2), ('b', 1)]"},
      {"{% for k, v in m|groupby('role') %}{{ k }}{{ v|length }} {% endfor %}",
       "assistant1 user2 "},
      // A generator is true, whatever is in it, and gives its items once.
      {"{% if m|selectattr('zz') %}yes{% endif %}{% set g = l|select %}{{ g|list }}{{ g|list }}",
       "yes[3, 1, 2][]"},
      {"{{ [3,'a']|sort }}",
       "template_error: template, line 1: '<' not supported between instances of 'str' and 'int'"},
  });
}

TEST(JinjaExpression, FiltersOfValues) {
  expect_all({
      {"{{ x|default('d') }} {{ ''|default('d',true) }} {{ no|d('q') }}", "d d None"},
      {"{{ '3.7'|int }} {{ 'x'|int(9) }} {{ '1f'|int(base=16) }} {{ '2.5'|float }} {{ 2.5|round }} "
       "{{ 2.675|round(2) }} {{ 2.3|round(0,'ceil') }} {{ -3|abs }}",
       "3 9 31 2.5 2.0 2.67 3.0 3"},
      {"{{ \"they're bill's\"|title }} {{ 'a b c'|wordcount }} {{ 'hello world foo "
       "bar'|truncate(11) "
       "}} {{ '<a&>'|e }} {{ 'a b/c?'|urlencode }}",
       "They're Bill's 3 hello... &lt;a&amp;&gt; a%20b/c%3F"},
      {"{{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'x'|center(3) }}|{{ ' x '|trim }}",
       "a\n  b\n\n  c| x |x"},
      {"{{ l|nofilter }}", "template_error: template, line 1: No filter named 'nofilter'."},
  });
}

TEST(JinjaExpression, JsonIsWrittenAsJsonDumpsDoes) {
  expect_all({
      {"{{ d|tojson }} {{ {1:2,none:3,true:1.0}|tojson }} {{ 'é<>&\"\\\\\\n\\x01\\x7f'|tojson }}",
       "{\"a\": 1, \"b\": [null]} {\"1\": 1.0, \"null\": 3} \"é<>&\\\"\\\\\\n\\u0001\x7f\""},
      {"{{ d|tojson(indent=2) }}", "{\n  \"a\": 1,\n  \"b\": [\n    null\n  ]\n}"},
      {"{{ {}|tojson(indent=2) }}{{ []|tojson }}{{ 'é\\U0001F600'|tojson(ensure_ascii=true) }}",
       "{}[]\"\\u00e9\\ud83d\\ude00\""},
      {"{{ {'b':1,'a':2}|tojson(sort_keys=true, separators=(',',':')) }}", "{\"a\":2,\"b\":1}"},
      {"{{ x|tojson }}",
       "template_error: template, line 1: Object of type Undefined is not JSON serializable"},
  });
}

TEST(JinjaExpression, Tests) {
  expect_all({
      {"{{ 5 is number }}{{ true is integer }}{{ 5.0 is float }}{{ 'a' is string }}{{ d is mapping "
       "}}{{ l is sequence }}{{ 5 is iterable }}",
       "TrueFalseTrueTrueTrueTrueFalse"},
      {"{{ 4 is even }}{{ 9 is divisibleby 3 }}{{ 1 is in [1] }}{{ 1 is not in [1] }}{{ 'a' is "
       "lower }}{{ none is sameas none }}{{ 2 is gt 1 }}",
       "TrueTrueTrueFalseTrueTrueTrue"},
      {"{{ x is defined }}{{ x is not defined }}{{ not x is defined }}{{ no is none }}{{ t is true "
       "}}{{ 1 is true }}",
       "FalseTrueTrueTrueTrueFalse"},
      {"{{ 1 is notest }}", "template_error: template, line 1: No test named 'notest'."},
  });
}

TEST(JinjaExpression, GlobalFunctions) {
  expect_all({
      {"{{ range(3)|list }}{{ range(1,7,2)|list }}{{ range(5,0,-2)|list }}",
       "[0, 1, 2][1, 3, 5][5, 3, 1]"},
      {"{% set c = cycler('a','b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{% set j = "
       "joiner(',') %}{{ j() }}a{{ j() }}b",
       "abaa,b"},
      {"{{ strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %p %I %y %-d %% %q') }}",
       "2026-01-02 03:04:05 January Jan Friday Fri 002 AM 03 26 2 % %q"},
      {"{{ raise_exception('boom: ' ~ n) }}", "template_raised: boom: 7"},
      {"{{ dict(a=1) }}{{ dict([('x', 2)]) }}", "{'a': 1}{'x': 2}"},
  });
}

}  // namespace
}  // namespace weft
