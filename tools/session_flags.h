// --save-session and --load-session: a run that goes on in another process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "api/model.h"
#include "core/error.h"

namespace weft::tools {

struct SessionFlags {
  std::string save, load;

  void add_to(CLI::App& command);

  // Before anything is computed: tokens of the session that is loaded (0: none is), and whether
  // the one that is saved can be written.
  Result<int64_t> check() const;
  // Loads the session where one is asked for, and says on stderr what it brought.
  Result<void> begin(Context& context) const;
  Result<void> end(const Context& context) const;
};

}  // namespace weft::tools
