// What --device and --gpu-layers come to, with and without a GPU.
#include "api/device_choice.h"

#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

constexpr int32_t kLayers = 16;

Result<void> found() { return {}; }
Result<void> not_found() {
  return fail(ErrorCode::kDeviceError, "device cuda: no usable GPU was found, one was wanted");
}

// "cuda 16", "cpu 0", or the error's message.
struct Chosen {
  std::string what;
  std::vector<std::string> notes;
};

Chosen choose(const DeviceRequest& request, const FindGpu& find_gpu) {
  Chosen chosen;
  const auto choice = choose_device(request, kLayers, find_gpu,
                                    [&](const std::string& note) { chosen.notes.push_back(note); });
  if (!choice) {
    EXPECT_EQ(choice.error().code, ErrorCode::kInvalidArgument);
    chosen.what = choice.error().message;
  } else {
    chosen.what = choice->device + " " + std::to_string(choice->gpu_layers);
  }
  return chosen;
}

std::string quiet(const DeviceRequest& request, const FindGpu& find_gpu) {
  const Chosen chosen = choose(request, find_gpu);
  EXPECT_TRUE(chosen.notes.empty()) << chosen.notes.front();
  return chosen.what;
}

TEST(DeviceChoice, AutoTakesAGpuThatCanBeUsed) {
  EXPECT_EQ(quiet({}, found), "cuda 16");
  EXPECT_EQ(quiet({.gpu_layers = 3}, found), "cuda 3");
  EXPECT_EQ(quiet({.gpu_layers = 0}, found), "cpu 0");
  EXPECT_EQ(quiet({.activations = "f16"}, found), "cuda 16");
}

TEST(DeviceChoice, AutoWithoutAGpuIsTheCpuAndOneLineThatSaysWhy) {
  for (const auto& [request, start] :
       {std::pair{DeviceRequest{}, "device auto: the model runs on the CPU; "},
        std::pair{DeviceRequest{.gpu_layers = 5}, "gpu_layers: 5: the model runs on the CPU; "}}) {
    const Chosen chosen = choose(request, not_found);
    EXPECT_EQ(chosen.what, "cpu 0");
    ASSERT_EQ(chosen.notes.size(), 1U);
    EXPECT_EQ(chosen.notes[0], start + not_found().error().message);
  }
  // Nobody needs to listen.
  EXPECT_EQ(choose_device({}, kLayers, not_found, {})->device, "cpu");
}

TEST(DeviceChoice, ABuildWithoutCudaSaysSoOnlyWhereGpuLayersWereAskedFor) {
  EXPECT_EQ(quiet({}, {}), "cpu 0");
  const Chosen chosen = choose({.gpu_layers = 5}, {});
  EXPECT_EQ(chosen.what, "cpu 0");
  ASSERT_EQ(chosen.notes.size(), 1U);
  EXPECT_NE(chosen.notes[0].find("gpu_layers: 5"), std::string::npos);
}

TEST(DeviceChoice, WhatOnlyTheCpuHasChoosesIt) {
  for (const DeviceRequest& request :
       {DeviceRequest{.isa = "avx2"}, DeviceRequest{.activations = "i16"}}) {
    const Chosen chosen = choose(request, found);
    EXPECT_EQ(chosen.what, "cpu 0");
    EXPECT_EQ(chosen.notes.size(), 1U);
  }
  // With layers for both it is how the CPU does its own.
  EXPECT_EQ(quiet({.gpu_layers = 3, .isa = "avx2", .activations = "i16"}, found), "cuda 3");
}

TEST(DeviceChoice, MoreLayersThanTheModelHasAreAll) {
  EXPECT_EQ(quiet({.device = "cuda", .gpu_layers = 1000}, {}), "cuda 16");
  EXPECT_EQ(quiet({.device = "cuda", .gpu_layers = 16}, {}), "cuda 16");
  EXPECT_EQ(quiet({.device = "cuda", .gpu_layers = 15}, {}), "cuda 15");
  EXPECT_EQ(quiet({.device = "cuda"}, {}), "cuda 16");
  EXPECT_EQ(quiet({.device = "cuda", .gpu_layers = 0}, {}), "cpu 0");
}

TEST(DeviceChoice, WhatCannotBeNamesTheThingTheFoundAndTheWanted) {
  EXPECT_EQ(quiet({.device = "tpu"}, found), "device: \"tpu\", expected auto, cpu or cuda");
  for (const char* device : {"auto", "cpu", "cuda"}) {
    EXPECT_EQ(quiet({.device = device, .gpu_layers = -2}, found),
              "gpu_layers: -2, expected at least 0");
  }
  EXPECT_EQ(quiet({.device = "cpu", .gpu_layers = 5}, found),
            "gpu_layers: 5 with the device cpu, expected 0, or the device auto or cuda");
  EXPECT_EQ(quiet({.device = "cpu", .gpu_layers = 0}, found), "cpu 0");
  EXPECT_EQ(quiet({.device = "cpu"}, found), "cpu 0");
}

}  // namespace
}  // namespace weft
