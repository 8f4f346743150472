// Functions that templates call by name, and the objects that they make.
#include "core/text/jinja/functions.h"
#include "core/text/jinja/namespace.h"
#include "core/text/jinja/print.h"
#include "core/text/jinja/strftime.h"

namespace weft::jinja {

std::optional<Value> Namespace::attribute(std::string_view name) const {
  const Value* found = values_.find(name);
  return found ? std::optional(*found) : std::nullopt;
}

Result<void> Namespace::set(Machine& machine, std::string_view name, Value value) {
  WEFT_TRY(machine.spend_bytes(4 * name.size()));
  if (!values_.find(name)) {
    const size_t bytes = 256 + name.size();
    WEFT_TRY(machine.room(bytes));
    charges_.emplace_back(machine.ledger(), bytes);
  }
  values_.set(Value::string(std::string(name)), std::move(value));
  return {};
}

namespace {

// Goes round a list of values.
class Cycler : public Object {
 public:
  explicit Cycler(Value items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "jinja2.utils.Cycler"; }
  bool callable() const override { return false; }
  uint32_t depth() const override { return items_.depth() + 1; }
  Result<Value> call(Machine& machine, const Arguments&) override {
    return machine.error("'Cycler' object is not callable");
  }
  std::optional<Value> attribute(std::string_view name) const override;

  Value current() const { return items_.as_list().items[at_]; }
  Value next() {
    Value value = current();
    at_ = (at_ + 1) % items_.as_list().items.size();
    return value;
  }
  void reset() { at_ = 0; }
  std::weak_ptr<Object> self;

 private:
  const Value items_;
  size_t at_ = 0;
};

Result<Value> cycler_next(Machine&, const Value& self, const Bound&) {
  return static_cast<Cycler&>(self.as_object()).next();
}
Result<Value> cycler_reset(Machine&, const Value& self, const Bound&) {
  static_cast<Cycler&>(self.as_object()).reset();
  return Value::none();
}
constexpr Function kCyclerMethods[] = {{"next", cycler_next}, {"reset", cycler_reset}};

std::optional<Value> Cycler::attribute(std::string_view name) const {
  if (name == "current") return current();
  const Function* method = find_function(kCyclerMethods, name);
  if (!method) return std::nullopt;
  return Value::object(std::make_shared<BoundFunction>(*method, Value::object(self.lock())));
}

// Nothing on its first call, then a separator.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "jinja2.utils.Joiner"; }
  uint32_t depth() const override { return separator_.depth() + 1; }
  Result<Value> call(Machine&, const Arguments&) override {
    return std::exchange(used_, true) ? separator_ : Value::string("");
  }

 private:
  const Value separator_;
  bool used_ = false;
};

Result<Value> cycler(Machine& machine, const Value&, const Bound& given) {
  if (given.all().positional.empty()) return machine.error("at least one item has to be provided");
  WEFT_TRY_ASSIGN(Value items, machine.make(given.all().positional));
  auto object = std::make_shared<Cycler>(std::move(items));
  object->self = object;
  return machine.make(std::move(object));
}

Result<Value> joiner(Machine& machine, const Value&, const Bound& given) {
  return machine.make(std::make_shared<Joiner>(given.has(0) ? given[0] : Value::string(", ")));
}

// Pairs of a dict, or of a list of pairs, and what is given by name.
Result<Dict> pairs_of(Machine& machine, const Arguments& all) {
  Dict dict;
  for (const Value& source : all.positional) {
    if (source.is_dict()) {
      WEFT_TRY(machine.room(source.as_dict().items.size() * 4 * sizeof(Value)));
      WEFT_TRY(machine.spend(source.as_dict().items.size()));
      for (const auto& [key, value] : source.as_dict().items) {
        WEFT_TRY(machine.spend_key(key));
        dict.set(key, value);
      }
      continue;
    }
    WEFT_TRY_ASSIGN(const Items list, iterate(machine, source));
    WEFT_TRY(machine.spend(list->items.size()));
    for (const Value& pair : list->items) {
      if (!pair.is_list() || pair.as_list().items.size() != 2 ||
          !hashable(pair.as_list().items[0])) {
        return machine.error("expected pairs of a key and a value");
      }
      WEFT_TRY(machine.spend_key(pair.as_list().items[0]));
      dict.set(pair.as_list().items[0], pair.as_list().items[1]);
    }
  }
  for (const auto& [name, value] : all.named) dict.set(Value::string(name), value);
  return dict;
}

Result<Value> dict(Machine& machine, const Value&, const Bound& given) {
  WEFT_TRY_ASSIGN(Dict pairs, pairs_of(machine, given.all()));
  return machine.make(std::move(pairs));
}

Result<Value> namespace_(Machine& machine, const Value&, const Bound& given) {
  WEFT_TRY_ASSIGN(const Dict pairs, pairs_of(machine, given.all()));
  auto made = std::make_shared<Namespace>();
  WEFT_TRY(machine.keep(made));
  for (const auto& [key, value] : pairs.items) {
    if (!key.is_string()) return machine.error("namespace: names must be strings");
    WEFT_TRY(made->set(machine, key.as_string(), value));
  }
  return machine.make(std::move(made));
}

Result<Value> range(Machine& machine, const Value&, const Bound& given) {
  constexpr uint64_t kMost = 100'000;
  WEFT_TRY_ASSIGN(const int64_t first, given.integer(machine, 0, 0));
  const bool both = given.has(1);
  WEFT_TRY_ASSIGN(const int64_t second, given.integer(machine, 1, 0));
  WEFT_TRY_ASSIGN(const int64_t step, given.integer(machine, 2, 1));
  const int64_t start = both ? first : 0, stop = both ? second : first;
  if (step == 0) return machine.error("range() arg 3 must not be zero");
  // In unsigned arithmetic, where a difference of two integers always fits.
  const bool up = step > 0;
  uint64_t count = 0;
  if (up ? start < stop : start > stop) {
    const uint64_t span = up ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                             : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
    const uint64_t by =
        up ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
    count = (span - 1) / by + 1;
  }
  if (count > kMost) {
    return fail(ErrorCode::kLimitExceeded,
                "template, line " + std::to_string(machine.line) +
                    ": Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  }
  WEFT_TRY(machine.spend(count));
  std::vector<Value> items;
  items.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    items.push_back(Value::integer(
        static_cast<int64_t>(static_cast<uint64_t>(start) + i * static_cast<uint64_t>(step))));
  }
  return machine.make(std::move(items), ListStyle::kRange);
}

Result<Value> raise_exception(Machine& machine, const Value&, const Bound& given) {
  WEFT_TRY_ASSIGN(const Text message, to_str(machine, given[0]));
  return fail(ErrorCode::kTemplateRaised, message.bytes);
}

Result<Value> strftime_now(Machine& machine, const Value&, const Bound& given) {
  const Text none;
  WEFT_TRY_ASSIGN(const Text* format, given.text(machine, 0, none));
  constexpr size_t kMost = 10'000;  // one letter may become twenty
  if (format->size() > kMost) return machine.limit("bytes of a format of time", kMost);
  return machine.make(format_time(format->bytes, machine.clock ? machine.clock() : local_time()));
}

constexpr Function kGlobals[] = {
    {"cycler", cycler, {}, 0, true},
    {"dict", dict, {}, 0, true},
    {"joiner", joiner, {"sep"}},
    {"namespace", namespace_, {}, 0, true},
    {"raise_exception", raise_exception, {"message"}, 1},
    {"range", range, {"start", "stop", "step"}, 1},
    {"strftime_now", strftime_now, {"format"}, 1},
};

}  // namespace

std::span<const Function> global_functions() { return kGlobals; }

}  // namespace weft::jinja
