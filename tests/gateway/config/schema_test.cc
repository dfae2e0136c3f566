#include "gateway/config/schema.h"

#include <functional>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

void Visit(const Shape& shape, const std::function<void(const Shape&)>& visitor) {
  visitor(shape);
  for (const Key& key : shape.keys) Visit(*key.shape, visitor);
  if (shape.element != nullptr) Visit(*shape.element, visitor);
  if (shape.short_form != nullptr) Visit(*shape.short_form, visitor);
}

TEST(SchemaTest, EveryShapeHasWhatItsKindNeeds) {
  Visit(FileShape(), [](const Shape& shape) {
    const bool texts = shape.kind == Kind::kText || shape.kind == Kind::kNamed;
    const bool contains = shape.kind == Kind::kList || shape.kind == Kind::kNamed;
    const bool ranged = shape.kind == Kind::kDuration || shape.kind == Kind::kSize ||
                        shape.kind == Kind::kCount || shape.kind == Kind::kPercent || contains;
    EXPECT_EQ(texts, shape.check != nullptr) << Expectation(shape);
    EXPECT_EQ(contains, shape.element != nullptr) << Expectation(shape);
    EXPECT_EQ(shape.kind == Kind::kMapping, !shape.keys.empty()) << Expectation(shape);
    EXPECT_TRUE(shape.kind != Kind::kWord || !shape.words.empty());
    EXPECT_EQ(ranged, shape.max > shape.min) << Expectation(shape);
    EXPECT_FALSE(Expectation(shape).empty());
  });
}

TEST(SchemaTest, EveryKeyIsUniqueInItsMappingAndHasHelp) {
  Visit(FileShape(), [](const Shape& shape) {
    std::set<std::string_view> names;
    for (const Key& key : shape.keys) {
      EXPECT_TRUE(names.insert(key.name).second) << key.name;
      EXPECT_TRUE(key.help.ends_with('.')) << key.name;
    }
  });
}

const Shape& ShapeOf(std::string_view name) {
  for (const Key& key : FileShape().keys) {
    if (key.name == name) return *key.shape;
  }
  ADD_FAILURE() << name;
  return FileShape();
}

TEST(ExpectationTest, DescribesRangesAndWords) {
  EXPECT_EQ(Expectation(ShapeOf("workers")), "a whole number from 1 to 1024, or auto");
  EXPECT_EQ(Expectation(ShapeOf("status")), "a mapping such as {bind: 127.0.0.1:9900}, or off");
  const Shape words = {.kind = Kind::kWord, .words = ShapeOf("status").words};
  EXPECT_EQ(Expectation(words), "one of off");
  const Shape duration = {.kind = Kind::kDuration, .min = 1'000'000, .max = 3'600'000'000'000};
  EXPECT_EQ(Expectation(duration), "a duration such as 250ms, 5s or 1h, from 1ms to 1h");
  const Shape size = {.kind = Kind::kSize, .min = 0, .max = 1024};
  EXPECT_EQ(Expectation(size), "a size such as 512B, 64KiB or 10MiB, from 0B to 1KiB");
}

}  // namespace
}  // namespace holdfast::config
