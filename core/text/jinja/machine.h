// Machine: one render's account of steps, memory and depth, and the maker of values and errors.
// What filters, methods and operators are given beside their operands. Owned by one render; knows
// no syntax but through the functions that a macro brings.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/platform/local_time.h"
#include "core/text/jinja/limits.h"
#include "core/text/jinja/object.h"
#include "core/text/jinja/value.h"

namespace weft::jinja {

// What can change after it was made, and so could come to hold itself: it is let go of its contents
// when the render ends.
class Changeable {
 public:
  virtual ~Changeable() = default;
  virtual void release() = 0;
};

using Items = std::shared_ptr<const List>;

class Machine {
 public:
  explicit Machine(const Limits& limits) : limits_(limits) {}
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The line that errors name.
  uint32_t line = 1;

  // Fails with kTemplateError.
  tl::unexpected<Error> error(std::string_view message) const;
  // Fails with kLimitExceeded: "template, line 3: more than 100 WHAT".
  tl::unexpected<Error> limit(std::string_view what, uint64_t most) const;

  // All of these fail with kLimitExceeded only.
  Result<void> spend(uint64_t steps);
  Result<void> spend_bytes(size_t bytes) { return spend(1 + bytes / 64); }
  // For looking a key up, which goes through its text a few times.
  Result<void> spend_key(const Value& key);
  // Whether a value of so many bytes may be made. Before it is built, where it may be large.
  Result<void> room(size_t bytes) const;
  Result<void> output_room(size_t bytes) const;
  Result<Value> make(Text text);
  Result<Value> make(std::string text, bool given = false) {
    return make(Text(std::move(text), given));
  }
  Result<Value> make(std::vector<Value> items, ListStyle style = ListStyle::kList);
  Result<Value> make(Dict dict);
  Result<Value> make(std::shared_ptr<Object> object) const;

  // One more statement, expression or call inside another while it lives.
  class Level {
   public:
    explicit Level(Machine& machine) : machine_(machine) { ++machine_.depth_; }
    ~Level() { --machine_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Machine& machine_;
  };
  Result<void> check_depth() const;

  // Keeps it until the render ends, and then releases it.
  Result<void> keep(std::shared_ptr<Changeable> one);

  // What strftime_now() goes by; empty: the machine's local time.
  std::function<DateTime()> clock;

  Ledger& ledger() { return ledger_; }
  const Limits& limits() const { return limits_; }

 private:
  const Limits limits_;
  Ledger ledger_;
  uint64_t steps_ = 0;
  uint32_t depth_ = 0;
  // Behind ledger_, which they are charged to.
  std::vector<std::shared_ptr<Changeable>> kept_;
  std::vector<Charge> kept_charges_;
};

// Calls any value; fails where it cannot be called.
Result<Value> call(Machine& machine, const Value& callee, const Arguments& arguments);

// The items that a loop over the value sees: characters of a string, keys of a dict.
Result<Items> iterate(Machine& machine, const Value& value);

// value.name, value[index], value[start:stop:step] with undefined for a bound that is not there.
Result<Value> get_attribute(Machine& machine, const Value& value, std::string_view name);
Result<Value> get_item(Machine& machine, const Value& value, const Value& index);
Result<Value> get_slice(Machine& machine, const Value& value, const Value& start, const Value& stop,
                        const Value& step);

// Fails where the value is undefined, with what it says of itself.
Result<void> need_defined(Machine& machine, const Value& value);

// "'dict object'", "'None'": as messages of undefined values name what lacks an attribute.
std::string object_name(const Value& value);

}  // namespace weft::jinja
