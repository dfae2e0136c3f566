#include "gateway/http2/priority.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http2 {
namespace {

Priority Of(const std::vector<std::string_view>& values) {
  http::HeaderList fields;
  for (const std::string_view value : values) fields.Add({.name = "Priority", .value = value});
  return PriorityOf(fields);
}

void Expect(const std::vector<std::string_view>& values, int urgency, bool incremental) {
  const Priority priority = Of(values);
  EXPECT_EQ(priority.urgency, urgency) << (values.empty() ? "none" : values[0]);
  EXPECT_EQ(priority.incremental, incremental) << (values.empty() ? "none" : values[0]);
}

// RFC 9218 section 4.
TEST(PriorityTest, WhatAClientSays) {
  Expect({"u=0"}, 0, false);
  Expect({"u=7, i"}, 7, true);
  Expect({"i"}, 3, true);
  Expect({"u=5;a=b,i=?1"}, 5, true);
  Expect({"i, i=?0"}, 3, false);
  Expect({"u=2", "i"}, 2, true);
  Expect({"u=2,u=4"}, 4, false);
}

TEST(PriorityTest, WhatCannotBeReadIsNotThere) {
  for (const std::string_view value : {"", "u=8", "u=-1", "u=10", "u", "U=1", "u=a", "x", "u =1"}) {
    Expect({value}, 3, false);
  }
}

TEST(PriorityTest, WhoeverSaysNothingGetsTurns) { Expect({}, 3, true); }

}  // namespace
}  // namespace holdfast::http2
