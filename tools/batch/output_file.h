// OutputFile: the result lines of a batch, each written whole as soon as it is its turn, so that a
// process that is killed leaves nothing worse than one torn line at the end. Owned by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/platform/file_io.h"
#include "tools/batch/line_reader.h"

namespace weft::tools {

class OutputFile {
 public:
  enum class Existing {
    kRefuse,     // a file that holds something is an error that names the two other ways
    kResume,     // goes on behind what is there
    kOverwrite,  // drops what is there
  };
  // "-" is standard output. The file is locked: a second process that would write it is refused.
  // `input` must be another file. Fails with kInvalidArgument, or as open(2) says. Nothing that
  // the file holds has been changed yet.
  static Result<OutputFile> open(const std::string& path, Existing existing,
                                 const LineReader& input);

  // The lines that are there, from the first; none unless it was opened to be resumed.
  LineReader existing_lines() const;

  // Before the first write(): keeps the first `offset` bytes of what is there.
  Result<void> keep(uint64_t offset);
  // Appends. kNoSpace where the disk is full.
  Result<void> write(std::string_view text);
  // Waits until everything is on the disk, where that means anything.
  Result<void> sync();

  const std::string& name() const { return name_; }

 private:
  OutputFile() = default;

  platform::FileHandle file_;
  std::string name_;
  bool regular_ = false;
  bool resumed_ = false;
};

}  // namespace weft::tools
