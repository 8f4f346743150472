// Values of the template language, as Python has them: undefined, None, bool, int (64 bits), float,
// str, list and its relatives, dict in the order of its keys, and objects (functions, namespaces,
// the loop). Copies share what they hold, which never changes once it is there.
// Knows no syntax and no limits; what a template makes is charged by the machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/text/jinja/limits.h"
#include "core/text/jinja/text.h"

namespace weft::jinja {

class Object;
class Value;
struct Dict;
struct List;
struct String;

// A value, small enough to be copied. Immutable and thread-safe but for objects, which are their
// render's.
class Value {
 public:
  // What a value is.
  enum class Kind { kUndefined, kNone, kBool, kInt, kFloat, kString, kList, kDict, kObject };

  Value() = default;  // undefined
  // A value of that kind:
  static Value none() { return Value(Holder(None{})); }
  static Value boolean(bool value) { return Value(Holder(value)); }
  static Value integer(int64_t value) { return Value(Holder(value)); }
  static Value number(double value) { return Value(Holder(value)); }
  // given: it is a message's, so special tokens in it stay text.
  static Value string(std::string text, bool given = false);
  // A list (ListStyle::kList).
  static Value list(std::vector<Value> items);
  // A later pair replaces the value of an earlier one with the same key.
  static Value dict(std::vector<std::pair<std::string, Value>> pairs);
  // A function, a namespace, the loop.
  static Value object(std::shared_ptr<Object> object);
  // `why` is what an operation that needs it to be defined fails with.
  static Value undefined(std::string why);

  // Over what is there already:
  static Value of(std::shared_ptr<const String> string) { return Value(Holder(std::move(string))); }
  static Value of(std::shared_ptr<const List> list) { return Value(Holder(std::move(list))); }
  static Value of(std::shared_ptr<const Dict> dict) { return Value(Holder(std::move(dict))); }

  // Which kind it is, and whether it is a certain one:
  Kind kind() const { return static_cast<Kind>(holder_.index()); }
  bool is(Kind wanted) const { return kind() == wanted; }
  bool is_undefined() const { return is(Kind::kUndefined); }
  bool is_none() const { return is(Kind::kNone); }
  bool is_string() const { return is(Kind::kString); }
  bool is_list() const { return is(Kind::kList); }
  bool is_dict() const { return is(Kind::kDict); }
  // int or bool, which Python counts among the ints; a number is these or a float:
  bool is_integral() const { return is(Kind::kInt) || is(Kind::kBool); }
  bool is_number() const { return is_integral() || is(Kind::kFloat); }

  // Each only where kind() says so; as_int() and as_float() also of what converts to them:
  bool as_bool() const { return std::get<bool>(holder_); }
  int64_t as_int() const;
  double as_float() const;
  const Text& as_text() const;
  const std::string& as_string() const { return as_text().bytes; }
  const List& as_list() const { return *std::get<std::shared_ptr<const List>>(holder_); }
  const std::shared_ptr<const List>& list_pointer() const {
    return std::get<std::shared_ptr<const List>>(holder_);
  }
  const Dict& as_dict() const { return *std::get<std::shared_ptr<const Dict>>(holder_); }
  Object& as_object() const { return *std::get<std::shared_ptr<Object>>(holder_); }
  const std::shared_ptr<Object>& object_pointer() const {
    return std::get<std::shared_ptr<Object>>(holder_);
  }
  std::string why_undefined() const;  // where undefined: the reason

  bool truthy() const;  // what `if` takes for true
  // "str", "NoneType", "dict": as Python's messages name it.
  std::string_view type_name() const;
  // How deep lists and dicts are in each other: 0 for a number, 1 for [1].
  uint32_t depth() const;
  // Whether both hold the very same thing (Python's `is`).
  bool same_as(const Value& other) const;

 private:
  struct Undefined {
    std::shared_ptr<const std::string> why;
  };
  struct None {};
  using Holder = std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const String>,
                              std::shared_ptr<const List>, std::shared_ptr<const Dict>,
                              std::shared_ptr<Object>>;
  explicit Value(Holder holder) : holder_(std::move(holder)) {}

  Holder holder_;
};

// A string and what it is charged with.
struct String {
  Text text;      // its bytes
  Charge charge;  // for as long as it is alive
};

// What Python tells apart among sequences.
enum class ListStyle { kList, kTuple, kRange, kKeys, kValues, kItems, kGenerator };

// A list or one of its relatives.
struct List {
  std::vector<Value> items;            // in order
  ListStyle style = ListStyle::kList;  // which relative
  uint32_t depth = 1;                  // Value::depth()
  Charge charge;                       // for as long as it is alive
  mutable bool taken = false;          // a generator gives its items out once
};

// A total order of what may be a key: None, numbers, strings, short tuples of them. 1, 1.0 and True
// are the same key.
struct KeyLess {
  // Whether a comes before b.
  bool operator()(const Value& a, const Value& b) const;
};
bool hashable(const Value& value);  // Whether it may be a key.

// A dict, in the order in which keys were set first.
struct Dict {
  std::vector<std::pair<Value, Value>> items;  // keys and values
  uint32_t depth = 1;                          // Value::depth()
  Charge charge;                               // for as long as it is alive

  // Replaces the value of a key that is there.
  void set(const Value& key, Value value);
  // nullptr: there is no such key.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;  // of a str

 private:
  // Small dicts are looked through; larger ones have where each key is.
  std::optional<size_t> place(const Value& key) const;
  std::map<Value, size_t, KeyLess> index_;
};

}  // namespace weft::jinja
