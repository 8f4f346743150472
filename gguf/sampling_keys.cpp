#include "gguf/sampling_keys.h"

#include <cmath>
#include <cstdint>

namespace weft::gguf {
namespace {

class Reader {
 public:
  Reader(const Metadata& metadata, std::vector<std::string>& warnings)
      : metadata_(metadata), warnings_(warnings) {}

  template <class T, class Usable>
  std::optional<T> read(const std::string& name, const Usable& usable, const std::string& wanted) {
    const std::string key = "general.sampling." + name;
    const auto value = metadata_.get_optional<T>(key);
    if (!value) {
      warn(value.error().message);
      return std::nullopt;
    }
    if (*value && !usable(**value)) {
      warn(key + ": " + std::to_string(**value) + ", expected " + wanted);
      return std::nullopt;
    }
    return *value;
  }

 private:
  void warn(const std::string& what) { warnings_.push_back(what + "; not used"); }

  const Metadata& metadata_;
  std::vector<std::string>& warnings_;
};

}  // namespace

SamplingAdvice load_sampling_advice(const Metadata& metadata, std::vector<std::string>& warnings) {
  Reader reader(metadata, warnings);
  const auto share = [](float v) { return v >= 0 && v <= 1; };
  return {
      .temperature = reader.read<float>(
          "temp", [](float v) { return std::isfinite(v) && v >= 0; },
          "a finite number of at least 0"),
      .top_k = reader.read<int32_t>(
          "top_k", [](int32_t v) { return v >= -1; }, "-1, 0 or a number"),
      .top_p = reader.read<float>(
          "top_p", [&](float v) { return share(v) && v > 0; }, "a number in (0, 1]"),
      .min_p = reader.read<float>("min_p", share, "a number in [0, 1]"),
      .repetition_penalty = reader.read<float>(
          "penalty_repeat", [](float v) { return std::isfinite(v) && v > 0; },
          "a finite number above 0"),
  };
}

}  // namespace weft::gguf
