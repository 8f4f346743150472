#include "core/platform/cpus.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace weft::platform {
namespace {

class Groups {
 public:
  // A file below the tree's root, with its folders.
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = folder_.path(path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  double cpus() const { return cgroup_cpus(folder_.path("self"), folder_.path("fs")); }

 private:
  test::TempFolder folder_;
};

TEST(CgroupCpus, AreTheLeastOfTheGroupsAbove) {
  Groups groups;
  groups.write("self", "0::/system/engine/part\n");
  EXPECT_EQ(groups.cpus(), 0);
  groups.write("fs/cpu.max", "800000 100000\n");
  EXPECT_EQ(groups.cpus(), 8);
  groups.write("fs/system/cpu.max", "max 100000\n");
  EXPECT_EQ(groups.cpus(), 8);
  groups.write("fs/system/engine/cpu.max", "250000 100000\n");
  EXPECT_EQ(groups.cpus(), 2.5);
  groups.write("fs/system/engine/part/cpu.max", "400000 100000\n");
  EXPECT_EQ(groups.cpus(), 2.5);
}

// Its own folder is then the root, under a name that it cannot see.
TEST(CgroupCpus, OfAContainerAreTheRoots) {
  Groups groups;
  groups.write("self", "0::/containers/0123abcd\n");
  groups.write("fs/cpu.max", "150000 100000\n");
  EXPECT_EQ(groups.cpus(), 1.5);
}

TEST(CgroupCpus, AreFoundInVersionOne) {
  Groups groups;
  groups.write("self", "4:memory:/a\n3:cpu,cpuacct:/a/b\n");
  groups.write("fs/cpu/a/b/cpu.cfs_quota_us", "-1\n");
  groups.write("fs/cpu/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(groups.cpus(), 0);
  groups.write("fs/cpu/a/cpu.cfs_quota_us", "300000\n");
  groups.write("fs/cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(groups.cpus(), 3);
}

TEST(CgroupCpus, WhatIsNoGroupSaysNothing) {
  Groups groups;
  groups.write("self", "\n:\n::\n0::relative\nno colon\n1:cpu\n");
  groups.write("fs/cpu.max", "soon 0\n");
  EXPECT_EQ(groups.cpus(), 0);
}

TEST(UsableCpus, AreAtLeastOneAndNotMoreThanAllowed) {
  EXPECT_GE(usable_cpus(), 1);
  const auto allowed = static_cast<int>(allowed_cpus().size());
  EXPECT_LE(usable_cpus(), allowed == 0 ? usable_cpus() : allowed);
}

}  // namespace
}  // namespace weft::platform
