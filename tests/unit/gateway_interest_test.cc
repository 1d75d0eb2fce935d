// Which maps a loop wants to hear of.
#include <gtest/gtest.h>

#include <string>

#include "backend/interest.h"
#include "topgun/sync/v1/sync.pb.h"

namespace topgun::gateway {
namespace {

TEST(InterestTest, AMapIsWantedUntilTheLastOneHasRemovedIt) {
  Interest interest;
  const Interest::Added first = interest.Add("m");
  EXPECT_TRUE(first.is_new);
  interest.Add("other");
  const Interest::Added second = interest.Add("m");
  EXPECT_FALSE(second.is_new);
  EXPECT_EQ(second.number, first.number) << "confirmed by the message that has added it";
  EXPECT_FALSE(interest.Remove("m"));
  EXPECT_EQ(interest.last_change(), 2U);
  EXPECT_TRUE(interest.Remove("m"));
  EXPECT_EQ(interest.last_change(), 3U);
  EXPECT_FALSE(interest.Remove("m")) << "unknown";
  std::string wanted;
  interest.ForEach([&wanted](const std::string& map) { wanted += map; });
  EXPECT_EQ(wanted, "other");
  EXPECT_EQ(interest.Add("m").number, 4U);
}

TEST(InterestTest, AllMapsAreWantedOrNot) {
  Interest interest;
  EXPECT_FALSE(interest.WantAllMaps(false).is_new);
  interest.Add("m");
  const Interest::Added wanted = interest.WantAllMaps(true);
  EXPECT_TRUE(wanted.is_new);
  EXPECT_EQ(wanted.number, 2U);
  EXPECT_EQ(interest.last_change(), 2U);
  EXPECT_TRUE(interest.all_maps());
  interest.Add("n");
  EXPECT_EQ(interest.WantAllMaps(true).number, 2U) << "as before";
  EXPECT_EQ(interest.WantAllMaps(false).number, 4U);
  EXPECT_FALSE(interest.all_maps());
}

TEST(InterestTest, ARequestSaysOfAMapOnlyTheLastThing) {
  sync::v1::WatchRequest request;
  const auto add = [&request](const std::string& map) {
    Supersede(map, *request.mutable_remove_maps(), *request.mutable_add_maps());
  };
  const auto remove = [&request](const std::string& map) {
    Supersede(map, *request.mutable_add_maps(), *request.mutable_remove_maps());
  };
  add("kept");
  remove("m");
  add("m");
  EXPECT_EQ(request.remove_maps_size(), 0);
  EXPECT_EQ(request.add_maps_size(), 2);
  remove("m");
  ASSERT_EQ(request.add_maps_size(), 1);
  EXPECT_EQ(request.add_maps(0), "kept");
  ASSERT_EQ(request.remove_maps_size(), 1) << "whoever has it already must hear of it";
  EXPECT_EQ(request.remove_maps(0), "m");
}

}  // namespace
}  // namespace topgun::gateway
