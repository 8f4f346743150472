# Reads the JUnit report of ctest. Prints a line `FAILED name` for each test that failed,
# whose whole output is appended to the file `failures`; one line for each that was skipped
# (its name and its reason; a parametrised test once, with the number of its skipped cases
# and the first one's reason); and at the end `counts PASSED FAILED SKIPPED`.
# Called with -v suite=NAME -v failures=FILE.

function skip(test, reason) {
  ++skipped
  # Suite.Test/parameter loses its parameter; the slash of Prefix/Suite is before the dot.
  if (match(test, /\.[^.\/]+\//)) test = substr(test, 1, RSTART + RLENGTH - 2)
  if (!(test in skips)) {
    order[++num_skips] = test
    first_reason[test] = reason
  }
  ++skips[test]
}

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
    skip(test, reason == "" ? "no reason given" : reason)
  } else if (status == "disabled") {
    skip(test, "disabled")
  } else {
    # Failed, or could not be started at all.
    ++failed
    printf "FAILED %s%s\n", test, failure == "" ? "" : " (" failure ")"
    printf "%sFAILED %s: %s%s\n", output, suite, test, failure == "" ? "" : " (" failure ")" >> failures
  }
  failure = ""
}

END {
  for (i = 1; i <= num_skips; ++i) {
    test = order[i]
    cases = ""
    if (skips[test] > 1) cases = " (" skips[test] " cases)"
    printf "skipped %s%s: %s\n", test, cases, first_reason[test]
  }
  printf "counts %d %d %d\n", passed, failed, skipped
}
