# Reads the JUnit report of ctest. Prints the whole output of each test that failed, one
# line for each that was skipped (its name and its reason), and at the end
# `counts PASSED FAILED SKIPPED`.

function unescape(text) {
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text)
  gsub(/&amp;/, "\\&", text)
  return text
}

function attribute(name) {
  if (!match($0, " " name "=\"[^\"]*\"")) return ""
  return unescape(substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4))
}

/<testcase / {
  test = attribute("name")
  status = attribute("status")
  output = ""
  reason = ""
  wants_reason = 0
  in_output = 0
}
/<failure message=/ { failure = attribute("message") }

# GoogleTest prints "file:line: Skipped", then the reason's lines, then "[  SKIPPED ]".
/<system-out>/ { in_output = 1; sub(/.*<system-out>/, "") }
in_output {
  line = $0
  closes = sub(/<\/system-out>.*/, "", line)
  line = unescape(line)
  if (!closes || line != "") output = output line "\n"
  if (line ~ /^\[  SKIPPED \]/) wants_reason = 0
  if (wants_reason && line != "") reason = reason (reason == "" ? "" : " ") line
  if (line ~ /: Skipped$/) wants_reason = 1
  if (closes) in_output = 0
}

/<\/testcase>/ {
  if (status == "run") {
    ++passed
  } else if (status == "notrun" && output != "") {
    ++skipped
    printf "skipped %s: %s\n", test, reason == "" ? "no reason given" : reason
  } else if (status == "disabled") {
    ++skipped
    printf "skipped %s: disabled\n", test
  } else {
    # Failed, or could not be started at all.
    ++failed
    printf "FAILED %s%s\n%s", test, failure == "" ? "" : " (" failure ")", output
  }
  failure = ""
}

END { printf "counts %d %d %d\n", passed, failed, skipped }
