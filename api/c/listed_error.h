// The errors of a list of results, of which each has one or none, as the caller reads them.
#pragma once

#include <memory>
#include <vector>

#include "api/c/boundary.h"

namespace weft::c {

using ListedErrors = std::vector<std::unique_ptr<const weft_error>>;

// [results]; null where there is none.
template <class Result>
ListedErrors listed_errors(const std::vector<Result>& results) {
  ListedErrors errors;
  errors.reserve(results.size());
  for (const Result& each : results) {
    errors.push_back(each.error ? std::make_unique<const weft_error>(
                                      weft_error{status_of(each.error->code), each.error->message})
                                : nullptr);
  }
  return errors;
}

}  // namespace weft::c
