// MaxSim against its definition in double precision, and its promises: one order of sums, ties to
// the lowest index, errors that say what is wrong.
#include "api/rank/maxsim.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "api/rank/dots.h"
#include "tests/support/random.h"

namespace weft::rank {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Set {
  std::vector<float> values;
  int64_t dim = 0;

  Vectors view() const { return {values, dim}; }
  Matrix matrix() const {
    return Eigen::Map<const Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>(
               values.data(), std::ssize(values) / dim, dim)
        .cast<double>();
  }
};

Set random_set(test::Random& random, int64_t rows, int64_t dim) {
  Set set{.values = std::vector<float>(static_cast<size_t>(rows * dim)), .dim = dim};
  for (float& x : set.values) x = static_cast<float>(random.bell());
  return set;
}

std::vector<Vectors> views(const std::vector<Set>& sets) {
  std::vector<Vectors> result;
  for (const Set& set : sets) result.push_back(set.view());
  return result;
}

double reference(const Set& q, const Set& d, const MaxSimOptions& options) {
  const Matrix products = q.matrix() * d.matrix().transpose();
  double there = products.rowwise().maxCoeff().sum();
  double back = products.colwise().maxCoeff().sum();
  if (options.normalize) {
    there /= static_cast<double>(products.rows());
    back /= static_cast<double>(products.cols());
  }
  return options.symmetric ? (there + back) / 2 : there;
}

// float32 sums in eight lanes: dim / 8 additions and three, each rounded by 2^-24 of what is summed
// so far, at most Σ |q_i d_i|.
double tolerance(const Set& q, const Set& d) {
  const Matrix sizes = q.matrix().cwiseAbs() * d.matrix().cwiseAbs().transpose();
  const double steps = static_cast<double>(q.dim) / 8 + 4;
  return sizes.rowwise().maxCoeff().sum() * steps * 0x1p-24;
}

constexpr int64_t kDims[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 100, 1024};

TEST(MaxSim, IsItsDefinition) {
  test::Random random(1);
  for (const int64_t dim : kDims) {
    for (const auto& [rows_q, rows_d] : {std::pair{1, 1}, {1, 5}, {5, 1}, {3, 4}, {33, 50}}) {
      const Set q = random_set(random, rows_q, dim), d = random_set(random, rows_d, dim);
      for (const MaxSimOptions& options :
           {MaxSimOptions{}, MaxSimOptions{.normalize = true}, MaxSimOptions{.symmetric = true},
            MaxSimOptions{.normalize = true, .symmetric = true}}) {
        const auto result = score(q.view(), d.view(), options);
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_NEAR(*result, reference(q, d, options), tolerance(q, d) + tolerance(d, q))
            << dim << ", " << rows_q << " to " << rows_d;
      }
    }
  }
}

TEST(MaxSim, SimilarityMatrixIsTheProductOfTheSets) {
  test::Random random(2);
  for (const int64_t dim : kDims) {
    const Set q = random_set(random, 19, dim), d = random_set(random, 23, dim);
    const auto matrix = similarity_matrix(q.view(), d.view());
    ASSERT_TRUE(matrix);
    ASSERT_EQ(matrix->rows, 19);
    ASSERT_EQ(matrix->cols, 23);
    const Matrix truth = q.matrix() * d.matrix().transpose();
    for (int64_t i = 0; i < 19; ++i) {
      for (int64_t j = 0; j < 23; ++j) {
        EXPECT_NEAR(matrix->at(i, j), truth(i, j), tolerance(q, d)) << dim;
      }
    }
  }
}

// A score is what its parts say, to the bit.
TEST(MaxSim, AScoreIsTheSumOfItsBestMatches) {
  test::Random random(3);
  const Set q = random_set(random, 37, 48), d = random_set(random, 41, 48);
  const auto matches = best_matches(q.view(), d.view()).value();
  const auto matrix = similarity_matrix(q.view(), d.view()).value();
  double sum = 0;
  ASSERT_EQ(matches.size(), 37u);
  for (int64_t i = 0; i < 37; ++i) {
    const Match& match = matches[static_cast<size_t>(i)];
    const auto row = std::span(matrix.values).subspan(static_cast<size_t>(i) * 41, 41);
    EXPECT_EQ(match.query, i);
    EXPECT_EQ(match.document, std::ranges::max_element(row) - row.begin());
    EXPECT_EQ(match.similarity, std::ranges::max(row));
    sum += match.similarity;
  }
  EXPECT_EQ(score(q.view(), d.view()).value(), static_cast<float>(sum));
}

TEST(MaxSim, SymmetricDoesNotCareWhichIsTheQuery) {
  test::Random random(4);
  const Set q = random_set(random, 9, 33), d = random_set(random, 30, 33);
  for (const bool normalize : {false, true}) {
    const MaxSimOptions options{.normalize = normalize, .symmetric = true};
    EXPECT_EQ(score(q.view(), d.view(), options).value(),
              score(d.view(), q.view(), options).value());
  }
  EXPECT_NE(score(q.view(), d.view()).value(), score(d.view(), q.view()).value());
}

TEST(MaxSim, ParallelEqualsSerialAndBatchEqualsSingle) {
  test::Random random(5);
  const Set q = random_set(random, 70, 65);
  std::vector<Set> sets;
  for (int i = 0; i < 200; ++i) sets.push_back(random_set(random, 1 + random.below(40), 65));
  const auto documents = views(sets);
  for (const bool symmetric : {false, true}) {
    const auto serial = batch_score(q.view(), documents, {.symmetric = symmetric}).value();
    for (size_t i = 0; i < sets.size(); ++i) {
      EXPECT_EQ(serial[i], score(q.view(), documents[i], {.symmetric = symmetric}).value());
    }
    for (const int threads : {0, 2, 3, 16}) {
      const MaxSimOptions options{.symmetric = symmetric, .threads = threads};
      EXPECT_EQ(batch_score(q.view(), documents, options).value(), serial);
      EXPECT_EQ(rank_documents(q.view(), documents, options).value(),
                rank_documents(q.view(), documents, {.symmetric = symmetric}).value());
    }
  }
  const auto one = similarity_matrix(q.view(), documents[7]).value();
  EXPECT_EQ(similarity_matrix(q.view(), documents[7], {.threads = 4})->values, one.values);
  EXPECT_EQ(best_matches(q.view(), documents[7], {.threads = 4}).value(),
            best_matches(q.view(), documents[7]).value());
}

// The sum's order is written down once (dots.h); here it is in plain loops.
TEST(MaxSim, EveryProductHasTheOneOrderOfSummation) {
  test::Random random(6);
  for (const int64_t dim : kDims) {
    const Set q = random_set(random, 1, dim), d = random_set(random, kDotRows, dim);
    float expected[kDotRows];
    for (int r = 0; r < kDotRows; ++r) {
      float sums[8] = {};
      for (int64_t i = 0; i < dim; ++i) sums[i % 8] += q.values[i] * d.values[r * dim + i];
      for (const int half : {4, 2, 1}) {
        for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
      }
      expected[r] = sums[0];
    }
    for (int n = 1; n <= kDotRows; ++n) {
      float out[kDotRows] = {};
      dots(q.values.data(), d.values.data(), n, dim, out);
      EXPECT_EQ(std::memcmp(out, expected, static_cast<size_t>(n) * sizeof(float)), 0) << dim;
    }
  }
}

TEST(MaxSim, RankingIsBestFirstAndTopKItsBeginning) {
  test::Random random(7);
  const Set q = random_set(random, 5, 16);
  std::vector<Set> sets;
  for (int i = 0; i < 60; ++i) sets.push_back(random_set(random, 3, 16));
  const auto documents = views(sets);
  const auto scores = batch_score(q.view(), documents).value();
  const auto ranked = rank_documents(q.view(), documents).value();
  ASSERT_EQ(ranked.size(), 60u);
  EXPECT_TRUE(std::ranges::is_sorted(ranked, std::greater(), &Ranked::score));
  for (const Ranked& r : ranked) EXPECT_EQ(r.score, scores[r.index]);
  for (const size_t k : {size_t{0}, size_t{1}, size_t{7}, size_t{60}, size_t{1000}}) {
    const auto top = find_top_k(q.view(), documents, k).value();
    ASSERT_EQ(top.size(), std::min<size_t>(k, 60));
    EXPECT_TRUE(std::equal(top.begin(), top.end(), ranked.begin()));
  }
  EXPECT_TRUE(rank_documents(q.view(), {})->empty());
}

TEST(MaxSim, TiesGoToTheLowestIndex) {
  test::Random random(8);
  const Set q = random_set(random, 4, 8), d = random_set(random, 1, 8);
  const std::vector<Set> sets(10, d);
  const auto ranked = rank_documents(q.view(), views(sets)).value();
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(ranked[i].index, i);
  EXPECT_EQ(find_top_k(q.view(), views(sets), 3)->back().index, 2u);
  Set same{.dim = 8};
  for (int i = 0; i < 9; ++i) {
    same.values.insert(same.values.end(), d.values.begin(), d.values.end());
  }
  const auto matches = best_matches(q.view(), same.view()).value();
  for (const Match& match : matches) EXPECT_EQ(match.document, 0);
  // Plus and minus zero are equal.
  const Set zeros{.values = {-0.0f, 0.0f}, .dim = 1}, one{.values = {1}, .dim = 1};
  EXPECT_EQ(best_matches(one.view(), zeros.view())->front().document, 0);
}

void expect_refused(const Result<float>& result, const std::string& message) {
  ASSERT_FALSE(result) << message;
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().message, message);
}

TEST(MaxSim, WhatIsWrongIsSaid) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const Set two{.values = {1, 2, 3, 4}, .dim = 2}, three{.values = {1, 2, 3}, .dim = 3};
  const Set empty{.dim = 2}, none{.dim = 0}, odd{.values = {1, 2, 3}, .dim = 2};
  const Set not_a_number{.values = {1, 2, 3, nan}, .dim = 2};
  const Set infinite{.values = {-inf, 2}, .dim = 2}, huge{.values = {3e38f, 3e38f}, .dim = 2};
  const Set small{.values = {0.25f, 0.25f}, .dim = 2};
  expect_refused(score(two.view(), three.view()), "document: dimension 3, the query's is 2");
  expect_refused(score(empty.view(), two.view()), "query: no vectors, expected at least one");
  expect_refused(score(two.view(), empty.view()), "document: no vectors, expected at least one");
  expect_refused(score(none.view(), two.view()), "query: dimension 0, expected at least 1");
  expect_refused(score(odd.view(), two.view()), "query: 3 values, expected a multiple of 2");
  expect_refused(score(two.view(), not_a_number.view()),
                 "document: vector 1, element 1 is nan, expected a finite number");
  expect_refused(score(infinite.view(), two.view()),
                 "query: vector 0, element 0 is -inf, expected a finite number");
  expect_refused(score(huge.view(), huge.view()), "document: a product is beyond float32");
  EXPECT_FALSE(similarity_matrix(huge.view(), huge.view()));
  EXPECT_FALSE(best_matches(huge.view(), huge.view()));
  EXPECT_FALSE(similarity_matrix(two.view(), three.view()));
  EXPECT_FALSE(best_matches(two.view(), empty.view()));
  EXPECT_FALSE(batch_score(two.view(), std::vector{two.view()}, {.threads = -1}));
  // Of a batch the first that is wrong is named, on any number of threads.
  const std::vector<Vectors> documents = {two.view(), two.view(), empty.view(), three.view(),
                                          huge.view()};
  for (const int threads : {1, 4}) {
    const auto scores = batch_score(two.view(), documents, {.threads = threads});
    ASSERT_FALSE(scores);
    EXPECT_EQ(scores.error().message, "document 2: no vectors, expected at least one");
  }
  EXPECT_EQ(batch_score(huge.view(), std::vector{small.view(), huge.view()}).error().message,
            "document 1: a product is beyond float32");
}

}  // namespace
}  // namespace weft::rank
