// Test models as GGUF files.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/text/chat_template_sources.h"
#include "core/text/vocab.h"
#include "gguf/model_loader.h"
#include "tests/support/test_model.h"

namespace weft::test {

// A SentencePiece vocabulary without merges: <unk>, <s>, </s>, "▁", then the printable ASCII
// characters from "!" on. At most 98 tokens.
Vocab character_vocab(int32_t n_vocab);

// Writes the model with its vocabulary. All layers must be alike, as the format has it. Fails as
// gguf::Writer does.
Result<void> write_model_file(const std::string& path, const TestModel& model, const Vocab& vocab,
                              const ChatTemplateSources& chat_templates = {});

// The model in a file. Fails as gguf::File::open() and gguf::load_model() do.
Result<gguf::LoadedModel> load_model_file(const std::string& path);

}  // namespace weft::test
