// Templates that would run for ever, fill the memory or the stack: each ends with an error that
// names the limit.
#include <gtest/gtest.h>

#include "tests/core/text/render.h"

namespace weft {
namespace {

using test::rendered;

std::string times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

// A namespace grown in a loop of a hundred rounds.
std::string grown(const std::string& start, const std::string& next) {
  return "{% set ns = namespace(v=" + start + ") %}{% for i in range(100) %}{% set ns.v = " + next +
         " %}{% endfor %}";
}

struct Hostile {
  std::string name, source, part;  // of "CODE: MESSAGE"
};

const char* kSteps = "limit_exceeded: template, line 1: more than 2000000 steps";
const char* kBytes = "limit_exceeded: template, line 1: more than 268435456 bytes of values";
const char* kOutput = "limit_exceeded: template, line 1: more than 67108864 bytes of output";
const char* kDepth = "limit_exceeded: template, line 1: more than 500 levels of evaluation";
const char* kNested = "limit_exceeded: template, line 1: nested deeper than 200 levels";
const char* kValues = "inside each other";

std::vector<Hostile> hostile() {
  return {
      {"brackets", "{{ " + times(50000, "(") + "1" + times(50000, ")") + " }}", kNested},
      {"lists", "{{ " + times(50000, "[") + "1" + times(50000, "]") + " }}", kNested},
      {"dicts", "{{ " + times(50000, "{1:") + "1" + times(50000, "}") + " }}", kNested},
      {"calls", "{{ " + times(50000, "f(") + "1" + times(50000, ")") + " }}", kNested},
      {"items", "{{ " + times(50000, "a[") + "1" + times(50000, "]") + " }}", kNested},
      {"blocks", times(50000, "{% if 1 %}"), kNested},
      {"targets", "{% set " + times(50000, "(") + "a" + times(50000, ")") + " = 1 %}", kNested},
      {"not", "{{ " + times(50000, "not ") + "1 }}", kNested},
      {"minus", "{{ " + times(50000, "-") + "1 }}", kNested},
      {"conditionals", "{{ " + times(50000, "1 if 0 else ") + "1 }}", kNested},
      {"source", times(200000, "{{ 1 }}"), "expected at most 1048576"},
      {"doubled string", grown("'a'", "ns.v + ns.v"), kBytes},
      {"doubled list", grown("[1]", "ns.v + ns.v"), kBytes},
      {"squared", grown("'aa'", "ns.v.replace('a', ns.v)"), kBytes},
      {"repeated", "{{ 'a' * 1000000000000 }}", kBytes},
      {"repeated list", "{{ [1] * 9223372036854775807 }}", kBytes},
      {"width", "{{ 'a'.center(10000000000) }}", kBytes},
      {"format width", "{{ '%1000000000d' % 1 }}{{ 'a' }}", kBytes},
      {"brace width", "{{ '{:99999999999999999999}'.format(1) }}", kBytes},
      {"precision", "{{ '%.1000000000f' % 1.5 }}", "digits of precision"},
      {"indent", "{{ [[1]]|tojson(indent=1000000000) }}", "blanks of indentation"},
      {"joined", "{{ range(100000)|join('x' * 100000) }}", kBytes},
      {"characters", "{{ ('a' * 10000000)|list|length }}", kBytes},
      {"fill", "{{ [1]|batch(9223372036854775807, 'x')|list }}", kBytes},
      {"columns", "{{ [1]|slice(9223372036854775807)|list }}", kBytes},
      {"range", "{{ range(100001) }}", "Range too big"},
      {"range of all integers", "{{ range(-9223372036854775807, 9223372036854775807) }}",
       "Range too big"},
      {"loops", "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
       kSteps},
      {"output", "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}", kOutput},
      {"captured output", "{% macro f() %}{{ 'x' * 10000000 }}{{ f() }}{% endmacro %}{{ f() }}",
       kOutput},
      {"recursion", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", kDepth},
      {"recursion in a default", "{% macro f(a=f()) %}{% endmacro %}{{ f() }}", kDepth},
      {"caller", "{% macro f() %}{{ caller }}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}",
       kDepth},
      {"recursive loop", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", kDepth},
      {"exponential recursion",
       "{% macro f(n) %}{% if n < 2 %}{{ n }}{% else %}{{ f(n-1)|int + f(n-2)|int }}{% endif %}"
       "{% endmacro %}{{ f(60) }}",
       kSteps},
      {"a list in a list in a …", grown("[]", "{1: [ns.v]}"), kValues},
      {"printed for ever",
       "{% set ns = namespace(v=[1]) %}{% for i in range(60) %}{% set ns.v = [ns.v, ns.v] %}"
       "{% endfor %}{{ ns.v }}",
       kSteps},
      {"compared for ever",
       "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}"
       "{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
       kSteps},
      {"hashed for ever",
       "{% set ns = namespace(v=(1,)) %}{% for i in range(60) %}{% set ns.v = (ns.v, ns.v) %}"
       "{% endfor %}{{ {ns.v: 1} }}",
       "unhashable type: 'tuple'"},
      {"searched for ever",
       "{% set h = 'a' * 10000000 %}{% set w = 'a' * 5000000 ~ 'b' %}{% for i in range(1000) %}"
       "{{ w in h }}{% endfor %}",
       kSteps},
      {"many variables",
       [] {
         std::string sets;
         for (int i = 0; i < 20000; ++i) sets += "{% set v" + std::to_string(i) + " = 1 %}";
         return sets;
       }() +
           "{% for i in range(100000) %}{{ v19999 }}{% endfor %}",
       kSteps},
      {"power", "{{ 10 ** 1000 }}", "does not fit an integer of 64 bits"},
      {"smallest integer", "{{ -(-9223372036854775807 - 1) }}", "does not fit"},
      {"smallest quotient", "{{ (-9223372036854775807 - 1) // -1 }}", "does not fit"},
      {"string", "{{ 'abc", "a string that is not closed"},
      {"string that ends in a backslash", "{{ 'a\\", "a string that is not closed"},
      {"comment", "{# a", "a comment that is not closed"},
      {"raw", "{% raw %} a", "a raw block that is not closed"},
      {"variable", "{{ a", "a tag that is not closed"},
      {"block", "{% if a", "a tag that is not closed"},
  };
}

TEST(HostileTemplate, EachEndsWithAnErrorThatNamesTheLimit) {
  for (const Hostile& one : hostile()) {
    jinja::Limits limits;
    if (one.part == kSteps) limits.steps = 2'000'000;  // a fifth, so that this is over soon
    const std::string result = rendered(one.source, limits);
    EXPECT_NE(result.substr(0, 300).find(one.part), std::string::npos)
        << one.name << " ended with " << result.substr(0, 200);
  }
}

TEST(HostileTemplate, ValuesThatHoldThemselvesOrLongChainsAreLetGo) {
  // Leaks and deep destructors are AddressSanitizer's to find.
  EXPECT_EQ(rendered("{% set ns = namespace() %}{% set ns.a = ns %}{% set ns.b = [ns] %}"
                     "{{ ns.a.a.b|length }}"),
            "1");
  const std::string loop = "{% for i in range(20000) %}";
  EXPECT_EQ(rendered("{% set ns = namespace(n=none) %}" + loop +
                     "{% set q = namespace(n=ns.n) %}{% set ns.n = q %}{% endfor %}ok"),
            "ok");
  EXPECT_EQ(rendered("{% set ns = namespace(n=none) %}" + loop +
                     "{% set prev = ns.n %}{% macro f() %}{{ prev }}{% endmacro %}"
                     "{% set ns.n = f %}{% endfor %}ok"),
            "ok");
  EXPECT_EQ(rendered("{% for i in range(3) %}{{ loop.changed(loop) }}{% endfor %}"),
            "TrueFalseFalse");
  for (const char* chain : {"{% for x in [ns.v] %}{% set ns.v = loop %}{% endfor %}",
                            "{% set ns.v = {'a': ns.v.get} %}", "{% set ns.v = joiner(ns.v) %}",
                            "{% set ns.v = cycler(ns.v) %}"}) {
    const std::string result =
        rendered("{% set ns = namespace(v={}) %}" + loop + chain + "{% endfor %}");
    EXPECT_NE(result.find("limit_exceeded"), std::string::npos) << chain << result;
  }
}

// Every construct once.
constexpr std::string_view kTalk = R"({# all of it #}
{% set ns = namespace(last='', n=0) %}
{% macro turn(message, sep="\n") -%}
<|{{ message.role }}|>{{ sep }}{{ message['content'] | trim }}{% if caller %}{{ caller(message) }}{% endif %}
{%- endmacro %}
{% for message in m if message.role in ('user', 'assistant') %}
  {%- if loop.first and not ns.last %}{% set ns.last = message.role %}
  {%- elif message.n is divisibleby 2 or message.n == 3 %}{% set ns.n = ns.n + message.n * 2 ** 2 // 3 %}
  {%- else %}{% continue %}{% endif %}
{% call(it) turn(message, sep=' ') %}[{{ it | tojson(indent=2) }}]{% endcall %}
{{- m[loop.index0 - 1:][::-1] | map(attribute='n') | join(', ') ~ ('%s' % ns.n) if t else none -}}
{% else %}{% raw %}{{ none }}{% endraw %}{% endfor %}
{% set text %}{{ {'a': [1, 2.5, 'x\u00e9']} }}{% endset %}{{ text[1:-1] | upper }}
{% with a = 1, b = -2 %}{{ a < b <= 3 }}{% endwith %}{% generation %}{{ s.split(' ')[0] }}{% endgeneration %}
)";

TEST(HostileTemplate, CutAtEveryByteItFailsOrRenders) {
  const std::string whole = rendered(kTalk);
  EXPECT_EQ(whole.find("<|user|> hi[{\n  \"role\": \"user\""), 0u) << whole;
  size_t failed = 0;
  for (size_t size = 0; size < kTalk.size(); ++size) {
    const auto parsed = jinja::Template::parse(kTalk.substr(0, size));
    if (!parsed) {
      ++failed;
      EXPECT_EQ(parsed.error().code, ErrorCode::kTemplateSyntax) << size;
      EXPECT_NE(parsed.error().message.find("template, line "), std::string::npos) << size;
    } else {
      EXPECT_TRUE(parsed->render(test::some_variables()));
    }
  }
  EXPECT_GT(failed, kTalk.size() / 2);
}

TEST(HostileTemplate, LimitsAreTheCallers) {
  const jinja::Limits limits{.steps = 50, .output_bytes = 5, .value_depth = 2};
  EXPECT_NE(
      rendered("{% for i in range(40) %}{{ i }}{% endfor %}", limits).find("more than 50 steps"),
      std::string::npos);
  EXPECT_NE(rendered("123456", limits).find("more than 5 bytes of output"), std::string::npos);
  EXPECT_NE(rendered("{{ [[[1]]] }}", limits).find("more than 2 lists"), std::string::npos);
  EXPECT_NE(rendered("{{ m }}", {.value_depth = 1}).find("the variable m holds more than 1"),
            std::string::npos);
}

}  // namespace
}  // namespace weft
