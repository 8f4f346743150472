# gpu_idle.awk TRACE.csv: how much of the time a GPU idles between kernels and copies, from what
# `nsys stats --report cuda_gpu_trace --format csv` gives (start and duration in nanoseconds, by
# start). Gaps of 5 ms and more lie between runs and do not count. Prints one line.
BEGIN { FS = "," }
$1 !~ /^[0-9]+$/ { next }
{
  if (seen && $1 > end && $1 - end < 5000000) idle += $1 - end
  if (!seen || $1 >= end) {
    busy += $2
    end = $1 + $2
  } else if ($1 + $2 > end) {
    busy += $1 + $2 - end
    end = $1 + $2
  }
  seen = 1
}
END {
  if (busy + idle == 0) {
    print "idle   no kernels in the trace"
    exit 1
  }
  printf "idle   %.2f %% of %.1f ms between kernels\n", 100 * idle / (busy + idle), (busy + idle) / 1e6
}
