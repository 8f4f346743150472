# Shows doxygen our comments, which are plain //: those before a declaration become ///, those
# behind one ///<, the first of a file its description. Code in them is indented by three, which
# Markdown wants to be four or more. Line numbers stay.

# What says nothing more than the language does has no contract of its own: constructors and
# assignments that copy or move, destructors, friends; `detail` is not public.
function nothing_to_say(line) {
  return line ~ /^ *(explicit )?[A-Za-z]+\((const )?[A-Za-z]+&&?( [a-z_]+)?\)( noexcept)?( = (default|delete))?;$/ ||
    line ~ /^ *[A-Za-z]+& operator=\((const )?[A-Za-z]+&&?( [a-z_]+)?\)( noexcept)?( = (default|delete))?;$/ ||
    line ~ /^ *(virtual )?~[A-Za-z]+\(\)( = default)?;$/ ||
    line ~ /^ *[A-Za-z]+\(\) = default;( *\/\/.*)?$/ ||
    line ~ /^ *bool operator==\(const [A-Za-z]+&\) const = default;$/
}

# What the head of weft.h says of all names of this form; "" of any other line.
function by_convention(line) {
  if (line ~ /^WEFT_API void weft_[a-z_]+_free\(/) return "Frees it; NULL is fine."
  if (line ~ /^WEFT_API void weft_[a-z_]+_init\(/) return "Fills in the defaults."
  if (line ~ /^  size_t struct_size;/) return "The size of this struct."
  if (line ~ /^  void\* user_data;/) return "Given back to the callback as it is."
  return ""
}

# The name that a line declares as a function's; "" where it is none, or the line is in a body.
function function_name(line) {
  if (line !~ /^(  )?(  )?[A-Za-z_:]/ || line ~ /^ *(return|if|for|using|template|case|else|friend) ?/) return ""
  if (!match(line, /[A-Za-z_0-9]+\(/)) return ""
  return substr(line, RSTART, RLENGTH - 1)
}

# A declaration with a comment before it, on one line.
function spoken(text, line) {
  match(line, /^ */)
  sub(/:$/, ".", text)
  return substr(line, 1, RLENGTH) "/** " text " */ " substr(line, RLENGTH + 1)
}

function code(text) {
  sub(/^   /, "      ", text)
  return text
}

FNR == 1 {
  in_head = /^\/\//
  commented = 0
  if (in_head) print "/// \\file"
}
in_head && /^\/\// {
  print "///" code(substr($0, 3))
  next
}
in_head {
  # Makes up for the line above.
  in_head = 0
  if (/^#pragma once$/ || /^$/) next
}

/^ *\/\/ ?--/ {
  print "//"
  said = name = ""
  next
}
/^ *\/\// {
  # A comment that ends with a colon speaks for every declaration until the next empty line.
  commented = 1
  match($0, /\/\//)
  text = substr($0, RSTART + 2)
  said = for_all && said != "" && was_comment ? said text : text
  was_comment = 1
  for_all = 1
  print substr($0, 1, RSTART + 1) "/" code(text)
  next
}
{ was_comment = 0 }
/^ *$/ {
  said = name = ""
  for_all = commented = 0
  print
  next
}
nothing_to_say($0) && !commented {
  print ""
  next
}
/[^:]\/\/ / {
  match($0, /[^:]\/\/ /)
  print substr($0, 1, RSTART) "///< " substr($0, RSTART + 4)
  commented = 0
  next
}
{
  declared = function_name($0)
  if (commented) {
    print
  } else if (by_convention($0) != "") {
    print spoken(by_convention($0), $0)
  } else if (said ~ /:$/ && (declared != "" || /^ +[A-Za-z].*;$/ || /^typedef /)) {
    print spoken(said, $0)
  } else if (declared != "" && declared == name) {
    print spoken("\\overload", $0)
  } else {
    print
  }
  if (declared != "") name = declared
  commented = 0
}
