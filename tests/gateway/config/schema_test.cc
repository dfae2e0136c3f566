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
    EXPECT_EQ(contains || shape.kind == Kind::kPartial, shape.element != nullptr)
        << Expectation(shape);
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

// Each row fills the struct of its mapping, and each mapping below a row the member that it is for.
TEST(SchemaTest, EveryKeyFitsTheStructOfItsMapping) {
  Visit(FileShape(), [](const Shape& shape) {
    EXPECT_EQ(shape.kind == Kind::kMapping, shape.type != nullptr) << Expectation(shape);
    for (const Key& key : shape.keys) {
      const bool placed = key.binding.owner != nullptr;
      EXPECT_TRUE(!placed || key.binding.owner == shape.type) << key.name;
      const bool below = key.shape->kind == Kind::kMapping && key.binding.inner != nullptr;
      EXPECT_TRUE(!below || key.binding.inner_type == key.shape->type) << key.name;
    }
  });
}

TEST(SchemaTest, EveryOrderNamesANumberOfTheSameMapping) {
  Visit(FileShape(), [](const Shape& shape) {
    for (const Key& key : shape.keys) {
      if (key.order.kind == Order::Kind::kNone) continue;
      const Key* other = FindKey(shape, key.order.other);
      ASSERT_NE(other, nullptr) << key.name;
      EXPECT_TRUE(key.binding.number != nullptr && other->binding.number != nullptr) << key.name;
    }
  });
}

// A default is rendered from its struct, or, where it is no constant, told in words.
TEST(SchemaTest, EveryKeyIsRequiredOrHasADefault) {
  Visit(FileShape(), [](const Shape& shape) {
    if (shape.kind != Kind::kMapping) return;
    for (const Key& key : shape.keys) {
      const bool in_force = key.shape->kind == Kind::kMapping && key.binding.inner != nullptr;
      EXPECT_TRUE(key.required || in_force || !DefaultOf(key, shape.defaults()).empty() ||
                  shape.type == FindKey(FileShape(), "status")->binding.inner_type)
          << key.name;
      EXPECT_EQ(key.help.find("efault"), std::string_view::npos) << key.name;
    }
  });
}

const Shape& ShapeOf(std::string_view name) {
  const Key* key = FindKey(FileShape(), name);
  EXPECT_NE(key, nullptr) << name;
  return key == nullptr ? FileShape() : *key->shape;
}

TEST(DefaultOfTest, RendersAValueAndWhatItGivesWayTo) {
  const Shape& listener = *ShapeOf("listeners").element;
  const auto described = [](const Shape& mapping, std::string_view name) {
    return DescribeDefault(*FindKey(mapping, name), mapping.defaults());
  };
  EXPECT_EQ(described(listener, "idle_timeout"), "75s");
  EXPECT_EQ(described(listener, "name"), "the bind");
  EXPECT_EQ(described(listener, "bind"), "");
  EXPECT_EQ(described(listener, "max_uri_bytes"), "8KiB, or max_head_bytes if that is smaller");
  EXPECT_EQ(described(FileShape(), "status"), "on");
  EXPECT_EQ(described(FileShape(), "access_log"), "off");
  EXPECT_EQ(described(FileShape(), "drain"), "");
}

TEST(CurrentWordTest, KnowsOldWords) {
  constexpr OldWord kOld[] = {{"before", "now"}};
  const Shape shape = {.kind = Kind::kWord, .old_words = kOld};
  EXPECT_EQ(CurrentWord(shape, "before"), "now");
  EXPECT_EQ(CurrentWord(shape, "other"), "other");
}

TEST(ExpectationTest, DescribesRangesAndWords) {
  EXPECT_EQ(Expectation(ShapeOf("workers")), "a whole number from 1 to 1024, or auto");
  EXPECT_EQ(Expectation(ShapeOf("status")), "a mapping such as {bind: 127.0.0.1:9900}, or off");
  const Shape words = {.kind = Kind::kWord, .words = ShapeOf("status").words};
  EXPECT_EQ(Expectation(words), "off");
  const Shape duration = {.kind = Kind::kDuration, .min = 1'000'000, .max = 3'600'000'000'000};
  EXPECT_EQ(Expectation(duration), "a duration such as 250ms, 5s or 1h, from 1ms to 1h");
  const Shape size = {.kind = Kind::kSize, .min = 0, .max = 1024};
  EXPECT_EQ(Expectation(size), "a size such as 512B, 64KiB or 10MiB, from 0B to 1KiB");
}

}  // namespace
}  // namespace holdfast::config
