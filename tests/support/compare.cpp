#include "tests/support/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace weft::test {
namespace {

using RowVector = Eigen::RowVectorXd;

RowVector log_softmax(const RowVector& logits) {
  const RowVector shifted = logits.array() - logits.maxCoeff();
  return shifted.array() - std::log(shifted.array().exp().sum());
}

}  // namespace

LogitsDifference compare_logits(const DoubleMatrix& truth, const Logits& measured) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const LogitsDifference hopeless{kInfinity, kInfinity, kInfinity};
  if (truth.cols() != measured.n_vocab || truth.rows() != measured.rows() || truth.size() == 0) {
    return hopeless;
  }
  const DoubleMatrix other = widened(measured);
  if (!truth.allFinite() || !other.allFinite()) return hopeless;
  LogitsDifference result;
  for (int64_t t = 0; t < truth.rows(); ++t) {
    const RowVector p = log_softmax(truth.row(t));
    const RowVector q = log_softmax(other.row(t));
    const double kl = p.array().exp().matrix().dot(p - q);
    result.mean_kl += kl / static_cast<double>(truth.rows());
    result.max_kl = std::max(result.max_kl, kl);
  }
  result.max_relative = (other - truth).cwiseAbs().maxCoeff() / truth.cwiseAbs().maxCoeff();
  return result;
}

std::ostream& operator<<(std::ostream& out, const LogitsDifference& d) {
  return out << "mean KL " << d.mean_kl << ", max KL " << d.max_kl << ", max|Δ|/max|truth| "
             << d.max_relative;
}

Logits rounded(const DoubleMatrix& logits) {
  Logits result{.n_vocab = logits.cols(), .values = {}};
  for (int64_t i = 0; i < logits.size(); ++i) {
    result.values.push_back(static_cast<float>(logits.data()[i]));
  }
  return result;
}

DoubleMatrix widened(const Logits& logits) {
  DoubleMatrix result(logits.rows(), logits.n_vocab);
  std::copy(logits.values.begin(), logits.values.end(), result.data());
  return result;
}

bool same_bits(const Logits& a, const Logits& b) {
  return a.n_vocab == b.n_vocab && a.values.size() == b.values.size() &&
         std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0;
}

}  // namespace weft::test
