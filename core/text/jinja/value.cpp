#include "core/text/jinja/value.h"

#include <algorithm>
#include <cmath>

#include "core/text/jinja/object.h"

namespace weft::jinja {
namespace {

// A tuple of tuples of tuples … may hold more than anyone can go through.
constexpr size_t kLongestTupleKey = 16;
constexpr size_t kIndexedFrom = 9;  // items; fewer are found faster by looking through them

// Which of the kinds of keys it is, numbers being one.
int key_rank(const Value& value) {
  if (value.is_none()) return 0;
  if (value.is_number()) return 1;
  if (value.is_string()) return 2;
  return 3;
}

}  // namespace

Value Value::string(std::string text, bool given) {
  auto string = std::make_shared<String>();
  string->text = Text(std::move(text), given);
  return of(std::move(string));
}

Value Value::list(std::vector<Value> items) {
  auto list = std::make_shared<List>();
  for (const Value& item : items) list->depth = std::max(list->depth, item.depth() + 1);
  list->items = std::move(items);
  return of(std::move(list));
}

Value Value::dict(std::vector<std::pair<std::string, Value>> pairs) {
  auto dict = std::make_shared<Dict>();
  for (auto& [key, value] : pairs) dict->set(string(std::move(key)), std::move(value));
  return of(std::move(dict));
}

Value Value::object(std::shared_ptr<Object> object) { return Value(Holder(std::move(object))); }

Value Value::undefined(std::string why) {
  return Value(Holder(Undefined{std::make_shared<const std::string>(std::move(why))}));
}

int64_t Value::as_int() const {
  return is(Kind::kBool) ? (as_bool() ? 1 : 0) : std::get<int64_t>(holder_);
}

double Value::as_float() const {
  return is(Kind::kFloat) ? std::get<double>(holder_) : static_cast<double>(as_int());
}

const Text& Value::as_text() const {
  return std::get<std::shared_ptr<const String>>(holder_)->text;
}

std::string Value::why_undefined() const {
  const auto& why = std::get<Undefined>(holder_).why;
  return why ? *why : "the value is undefined";
}

bool Value::truthy() const {
  switch (kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return as_bool();
    case Kind::kInt:
      return as_int() != 0;
    case Kind::kFloat:
      return as_float() != 0;
    case Kind::kString:
      return !as_string().empty();
    case Kind::kList:
      return as_list().style == ListStyle::kGenerator || !as_list().items.empty();
    case Kind::kDict:
      return !as_dict().items.empty();
    case Kind::kObject:
      return true;
  }
  return false;
}

std::string_view Value::type_name() const {
  switch (kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kList:
      switch (as_list().style) {
        case ListStyle::kList:
          return "list";
        case ListStyle::kTuple:
          return "tuple";
        case ListStyle::kRange:
          return "range";
        case ListStyle::kKeys:
          return "dict_keys";
        case ListStyle::kValues:
          return "dict_values";
        case ListStyle::kItems:
          return "dict_items";
        case ListStyle::kGenerator:
          return "generator";
      }
      return "list";
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      return as_object().type_name();
  }
  return "";
}

uint32_t Value::depth() const {
  switch (kind()) {
    case Kind::kList:
      return as_list().depth;
    case Kind::kDict:
      return as_dict().depth;
    case Kind::kObject:
      return as_object().depth();
    default:
      return 0;
  }
}

bool Value::same_as(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kBool:
      return as_bool() == other.as_bool();
    case Kind::kInt:
      return as_int() == other.as_int();
    case Kind::kFloat:
      return as_float() == other.as_float();
    case Kind::kString:
      return &as_text() == &other.as_text();
    case Kind::kList:
      return &as_list() == &other.as_list();
    case Kind::kDict:
      return &as_dict() == &other.as_dict();
    case Kind::kObject:
      return &as_object() == &other.as_object();
  }
  return false;
}

bool hashable(const Value& value) {
  if (value.is_none() || value.is_number() || value.is_string()) return true;
  if (!value.is_list() || value.as_list().style != ListStyle::kTuple) return false;
  const auto& items = value.as_list().items;
  return items.size() <= kLongestTupleKey && std::ranges::all_of(items, [](const Value& item) {
           return item.is_none() || item.is_number() || item.is_string();
         });
}

bool KeyLess::operator()(const Value& a, const Value& b) const {
  const int rank = key_rank(a), other = key_rank(b);
  if (rank != other) return rank < other;
  switch (rank) {
    case 0:
      return false;
    case 1:
      if (a.is_integral() && b.is_integral()) return a.as_int() < b.as_int();
      if (std::isnan(a.as_float())) return !std::isnan(b.as_float());  // an order needs a place
      return a.as_float() < b.as_float();
    case 2:
      return a.as_string() < b.as_string();
    default:
      return std::ranges::lexicographical_compare(a.as_list().items, b.as_list().items, *this);
  }
}

std::optional<size_t> Dict::place(const Value& key) const {
  const KeyLess less;
  if (items.size() >= kIndexedFrom) {
    const auto found = index_.find(key);
    return found == index_.end() ? std::nullopt : std::optional(found->second);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    if (!less(items[i].first, key) && !less(key, items[i].first)) return i;
  }
  return std::nullopt;
}

void Dict::set(const Value& key, Value value) {
  depth = std::max({depth, value.depth() + 1, key.depth() + 1});
  if (const auto at = place(key)) {
    items[*at].second = std::move(value);
    return;
  }
  items.emplace_back(key, std::move(value));
  if (items.size() == kIndexedFrom) {
    for (size_t i = 0; i < items.size(); ++i) index_.emplace(items[i].first, i);
  } else if (items.size() > kIndexedFrom) {
    index_.emplace(key, items.size() - 1);
  }
}

const Value* Dict::find(const Value& key) const {
  const auto at = place(key);
  return at ? &items[*at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  if (items.size() >= kIndexedFrom) return find(Value::string(std::string(key)));
  for (const auto& [name, value] : items) {
    if (name.is_string() && name.as_string() == key) return &value;
  }
  return nullptr;
}

}  // namespace weft::jinja
