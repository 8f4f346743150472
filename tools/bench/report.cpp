#include "tools/bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

namespace weft::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

bool is_probe(const BenchRow& row) { return row.test.starts_with("probe:"); }

// A value a row has nothing to say of.
Json or_null(double value) { return value > 0 ? Json(value) : Json(); }
Json or_null(const std::string& value) { return value.empty() ? Json() : Json(value); }

// Of each row, in the order of the first that has it.
std::vector<std::string> figure_names(const std::vector<BenchRow>& rows) {
  std::vector<std::string> names;
  for (const BenchRow& row : rows) {
    for (const auto& [name, value] : row.figures) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::optional<double> figure_of(const BenchRow& row, const std::string& name) {
  for (const auto& [its_name, value] : row.figures) {
    if (its_name == name) return value;
  }
  return std::nullopt;
}

Json json_of(const BenchSubject& subject, const BenchRow& row,
             const std::vector<std::string>& figures) {
  Json object = {{"model", or_null(subject.model)},
                 {"type", or_null(subject.type)},
                 {"size_bytes", subject.model.empty() ? Json() : Json(subject.size_bytes)},
                 {"n_params", subject.model.empty() ? Json() : Json(subject.n_params)},
                 {"test", row.test},
                 {"threads", row.threads},
                 {"isa", or_null(row.isa)},
                 {"activations", or_null(row.activations)},
                 {"kv_type", or_null(row.kv_type)},
                 {"tokens_per_second", or_null(row.tokens_per_second)},
                 {"tokens_per_second_stddev",
                  row.tokens_per_second > 0 ? Json(row.tokens_per_second_stddev) : Json()},
                 {"gb_per_second", or_null(row.gb_per_second)},
                 {"flops_per_second", or_null(row.flops_per_second)},
                 {"weights_gb_per_second", or_null(row.weights_gb_per_second)},
                 {"percent_of_limit", or_null(row.percent_of_limit)},
                 {"limit", or_null(row.limit)},
                 {"peak_rss_bytes", row.peak_rss_bytes},
                 {"logits_hash", or_null(row.logits_hash)},
                 {"ids_hash", or_null(row.ids_hash)}};
  for (const std::string& name : figures) {
    const auto figure = figure_of(row, name);
    object[name] = figure ? Json(*figure) : Json();
  }
  return object;
}

std::string as_json(const BenchSubject& subject, const std::vector<BenchRow>& rows) {
  Json list = Json::array();
  const auto figures = figure_names(rows);
  for (const BenchRow& row : rows) list.push_back(json_of(subject, row, figures));
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The same fields as JSON's; text in quotes.
std::string as_csv(const BenchSubject& subject, const std::vector<BenchRow>& rows) {
  std::string text;
  const auto figures = figure_names(rows);
  for (const BenchRow& row : rows) {
    const Json object = json_of(subject, row, figures);
    std::string names, values;
    for (const auto& [name, value] : object.items()) {
      const char* separator = names.empty() ? "" : ",";
      names += separator + name;
      std::string shown =
          value.is_null() ? "" : value.dump(-1, ' ', false, Json::error_handler_t::replace);
      if (value.is_string()) {
        shown = value.get<std::string>();
        for (size_t at = 0; (at = shown.find('"', at)) != std::string::npos; at += 2) {
          shown.insert(at, "\"");
        }
        shown = "\"" + shown + "\"";
      }
      values += separator + shown;
    }
    if (text.empty()) text = names + "\n";
    text += values + "\n";
  }
  return text;
}

std::string as_table(const BenchSubject& subject, const std::vector<BenchRow>& rows) {
  struct Column {
    std::string title;
    bool right;
    std::function<std::string(const BenchRow&)> value;
  };
  const auto unless_zero = [](double value, double scale, int digits) {
    return value > 0 ? fixed(value * scale, digits) : std::string();
  };
  const auto of_model = [&](const std::function<std::string()>& value) {
    return [value](const BenchRow& row) { return is_probe(row) ? std::string() : value(); };
  };
  std::vector<Column> columns = {
      {"model", false, of_model([&] { return subject.model + " " + subject.type; })},
      {"size", true, of_model([&] {
         return fixed(static_cast<double>(subject.size_bytes) / (1 << 20), 2) + " MiB";
       })},
      {"params", true,
       of_model([&] { return fixed(static_cast<double>(subject.n_params) / 1e6, 2) + " M"; })},
      {"isa", false, [](const BenchRow& row) { return row.isa; }},
      {"threads", true, [](const BenchRow& row) { return std::to_string(row.threads); }},
      {"activations", false, [](const BenchRow& row) { return row.activations; }},
      {"test", true, [](const BenchRow& row) { return row.test; }},
      {"t/s", true,
       [](const BenchRow& row) {
         if (is_probe(row)) return std::string();
         return fixed(row.tokens_per_second, 2) + " ± " + fixed(row.tokens_per_second_stddev, 2);
       }},
      {"GB/s", true, [&](const BenchRow& row) { return unless_zero(row.gb_per_second, 1, 2); }},
      {"GFLOP/s", true,
       [&](const BenchRow& row) { return unless_zero(row.flops_per_second, 1e-9, 1); }},
      {"weights GB/s", true,
       [&](const BenchRow& row) { return unless_zero(row.weights_gb_per_second, 1, 2); }},
      {"% of limit", true,
       [&](const BenchRow& row) {
         if (row.limit.empty()) return std::string();
         return fixed(row.percent_of_limit, 1) + " " + row.limit;
       }},
      {"peak MiB", true,
       [](const BenchRow& row) {
         return is_probe(row) ? "" : fixed(static_cast<double>(row.peak_rss_bytes) / (1 << 20), 0);
       }},
      {"ids hash", false, [](const BenchRow& row) { return row.ids_hash; }}};
  for (const std::string& name : figure_names(rows)) {
    columns.push_back({name, true, [name](const BenchRow& row) {
                         const auto figure = figure_of(row, name);
                         return figure ? fixed(*figure, 3) : std::string();
                       }});
  }
  // What no row has to say anything of is not shown.
  std::erase_if(columns, [&](const Column& column) {
    return std::ranges::all_of(rows, [&](const auto& row) { return column.value(row).empty(); });
  });
  std::string text = "|", rule = "|";
  for (const Column& column : columns) {
    text += std::string(" ") + column.title + " |";
    rule += column.right ? " ---: |" : " --- |";
  }
  text += "\n" + rule + "\n";
  for (const BenchRow& row : rows) {
    text += "|";
    for (const Column& column : columns) text += " " + column.value(row) + " |";
    text += "\n";
  }
  // Once for each way of computing.
  std::string last;
  for (const BenchRow& row : rows) {
    if (is_probe(row)) continue;
    const std::string line = "logits hash " + row.logits_hash + ": " + row.isa + ", activations " +
                             row.activations + ", KV " + row.kv_type + "\n";
    if (line != last) text += "\n" + line;
    last = line;
  }
  return text;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<BenchRow> probe_rows(const cpu::Peaks& peaks) {
  std::vector<BenchRow> rows;
  for (const cpu::Peak& peak : peaks.all) {
    BenchRow row{.test = "probe:" + std::string(peak.name), .threads = peaks.threads};
    (peak.is_bytes ? row.gb_per_second : row.flops_per_second) =
        peak.is_bytes ? peak.per_second * 1e-9 : peak.per_second;
    row.peak_rss_bytes = peak_rss_bytes();
    rows.push_back(std::move(row));
  }
  return rows;
}

void set_rate(BenchRow& row, const std::vector<double>& tokens_per_second) {
  const auto n = static_cast<double>(tokens_per_second.size());
  double mean = 0, squares = 0;
  for (const double rate : tokens_per_second) mean += rate / n;
  for (const double rate : tokens_per_second) squares += std::pow(rate - mean, 2);
  row.tokens_per_second = mean;
  row.tokens_per_second_stddev = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
}

void set_rates(BenchRow& row, const BenchSubject& subject, const Measured& measured,
               const cpu::Peaks& peaks) {
  set_rate(row, measured.tokens_per_second);
  const double seconds = median(measured.seconds);
  row.gb_per_second = measured.cost.bytes / seconds * 1e-9;
  row.flops_per_second = measured.cost.flops / seconds;
  row.ids_hash = hash_text(measured.ids_hash);

  const bool floats = subject.type == "F32" || subject.type == "F16" || subject.type == "BF16";
  const std::string_view compute = peaks.compute_limit(row.isa, row.activations, floats);
  const auto seconds_at = [](double amount, double per_second) {
    return per_second > 0 ? amount / per_second : 0;
  };
  const double computing = seconds_at(measured.cost.flops, peaks.of(compute));
  std::vector<double> rates, reading, shares;
  for (size_t i = 0; i < measured.seconds.size(); ++i) {
    const double beside =
        i < measured.read_bytes_per_second.size() ? measured.read_bytes_per_second[i] : 0;
    rates.push_back(beside);
    reading.push_back(
        seconds_at(measured.cost.bytes, beside > 0 ? beside : peaks.read_bytes_per_s));
    shares.push_back(100 * std::max(reading.back(), computing) / measured.seconds[i]);
  }
  row.weights_gb_per_second = median(rates) * 1e-9;
  row.limit = median(reading) >= computing ? peaks.all.front().name : compute;
  row.percent_of_limit = median(shares);
}

uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

std::string hash_text(uint64_t hash) {
  char text[24];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::string format_rows(const BenchSubject& subject, const std::vector<BenchRow>& rows,
                        std::string_view form) {
  if (form == "json") return as_json(subject, rows);
  if (form == "csv") return as_csv(subject, rows);
  return as_table(subject, rows);
}

}  // namespace weft::tools
