#include "tools/session_flags.h"

#include <cstdio>

#include "api/session/session_file.h"
#include "core/atomic_file.h"

namespace weft::tools {

void SessionFlags::add_to(CLI::App& command) {
  command.add_option("--save-session", save, "Write where it ended here, to go on from");
  command.add_option("--load-session", load,
                     "Go on from here: after PROMPT, or without one as if never interrupted");
}

Result<int64_t> SessionFlags::check() const {
  if (!save.empty()) WEFT_TRY(AtomicFile::create(save));
  return load.empty() ? Result<int64_t>(0) : count_session_ids(load);
}

Result<void> SessionFlags::begin(Context& context) const {
  if (load.empty()) return {};
  WEFT_TRY(context.load(load));
  const auto ids = static_cast<long long>(context.ids().size());
  const auto computed = static_cast<long long>(context.num_computed());
  std::fprintf(stderr, "[session of %lld tokens, %lld to be computed again]\n", ids,
               ids - computed);
  return {};
}

Result<void> SessionFlags::end(const Context& context) const {
  return save.empty() ? Result<void>() : context.save(save);
}

}  // namespace weft::tools
