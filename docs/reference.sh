#!/usr/bin/env bash
# reference.sh SOURCE HEADERS OUT VERSION: writes the reference of the public headers in HEADERS (as
# they are installed) to OUT/html. Whatever doxygen says is an error: above all, that a public name
# has no comment.
set -euo pipefail
export WEFT_SOURCE=$1 WEFT_HEADERS=$2 WEFT_DOCS=$3 WEFT_VERSION=$4
if ! command -v doxygen >/dev/null; then
  echo "skipped: doxygen is not installed"
  exit 77
fi
mkdir -p "$WEFT_DOCS"
if said=$(doxygen "$WEFT_SOURCE/docs/Doxyfile" 2>&1) && [[ -z $said ]]; then
  echo "$WEFT_DOCS/html/index.html"
  exit 0
fi
# As the files are called here.
while IFS= read -r line; do
  line=${line#"$WEFT_SOURCE/"}
  line=${line#"$WEFT_HEADERS/"}
  for folder in api/c api .; do
    if [[ $line == weft/* && -e $WEFT_SOURCE/$folder/$(cut -d: -f1 <<<"${line#weft/}") ]]; then
      line=$folder/${line#weft/}
      break
    fi
  done
  echo "${line#./}"
done <<<"$said"
exit 1
