// make_talking_model FILE: writes a small model that has a chat template, for the tests of the C
// interface, which have no C++ to make one with.
#include <cstdio>

#include "tests/support/model_file.h"
#include "tests/support/test_model.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  constexpr const char* kTemplate =
      "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
      "{% if not messages %}{{ raise_exception('nothing was said') }}{% endif %}"
      "{% if add_generation_prompt %}<assistant>{% endif %}";
  const auto written =
      weft::test::write_model_file(argv[1], weft::test::make_test_model({.n_vocab = 98}),
                                   weft::test::character_vocab(98), {{{"", kTemplate}}});
  if (!written) return std::fprintf(stderr, "%s\n", written.error().message.c_str()), 1;
}
