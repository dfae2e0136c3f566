#include "gateway/config/field.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using std::chrono::seconds;
using Kind = Shape::Kind;

struct Pause {
  std::optional<Duration> pause = seconds(3);
};
struct Holder {
  Pause inner;
  std::optional<Pause> other;
  std::string name = "a";
};

constexpr std::string_view kOffWord[] = {"off"};
constexpr Shape kPause = {.kind = Kind::kDuration, .max = 1 << 30, .words = kOffWord};
constexpr Shape kText = {.kind = Kind::kText};
constexpr Key kInnerKeys[] = {Field<&Pause::pause>("pause", kPause, "A pause.")};
constexpr Shape kInner = Mapping<Pause>("a mapping", kInnerKeys);

YamlNode Scalar(std::string_view text) {
  Report report(text, "f.yaml");
  return ParseYaml(text, &report).value();
}

TEST(FieldTest, ReachesAMemberOfAMember) {
  constexpr Key kKey = Field<&Holder::inner, &Pause::pause>("pause", kPause, "A pause.");
  Report report("", "f.yaml");
  Holder owner;
  EXPECT_EQ(kKey.binding.owner, &kTypeTag<Holder>);
  EXPECT_EQ(kKey.binding.write(kPause, &owner), "3s");
  EXPECT_EQ(kKey.binding.number(&owner), 3'000'000'000);
  kKey.binding.read(Scalar("off"), kPause, &owner, &report);
  EXPECT_EQ(owner.inner.pause, std::nullopt);
  EXPECT_EQ(kKey.binding.write(kPause, &owner), "off");
  EXPECT_EQ(kKey.binding.number(&owner), std::nullopt);
  kKey.binding.set_number(1'000'000'000, &owner);
  EXPECT_EQ(owner.inner.pause, seconds(1));
}

TEST(FieldTest, AMappingLeadsToTheStructThatItFills) {
  Holder owner;
  constexpr Key kKey = Field<&Holder::inner>("inner", kInner, "A mapping.");
  EXPECT_EQ(kKey.binding.inner(&owner), &owner.inner);
  EXPECT_EQ(kKey.binding.inner_type, kInner.type);
  constexpr Key kOther = Field<&Holder::other>("other", kInner, "A mapping.");
  EXPECT_EQ(kOther.binding.inner(&owner), nullptr) << "it is switched off";
  EXPECT_EQ(kOther.binding.inner_type, kInner.type);
  EXPECT_EQ(static_cast<const Pause*>(kInner.defaults())->pause, seconds(3));
}

void ReadTwice(const YamlNode& node, Holder* owner) { owner->name = node.text + node.text; }
std::string WriteName(const Holder& owner) { return owner.name; }

TEST(CustomTest, HasFunctionsOfItsOwn) {
  constexpr Key kKey = Custom<&ReadTwice, &WriteName>("name", kText, "A name.");
  Report report("", "f.yaml");
  Holder owner;
  EXPECT_EQ(kKey.binding.owner, &kTypeTag<Holder>);
  kKey.binding.read(Scalar("b"), kText, &owner, &report);
  EXPECT_EQ(kKey.binding.write(kText, &owner), "bb");
}

TEST(ApartTest, IsReadByNobodyAndMayHaveADefault) {
  constexpr Key kApart = Apart("name", kText, "A name.");
  EXPECT_EQ(kApart.binding.read, nullptr);
  EXPECT_EQ(kApart.binding.write, nullptr);
  constexpr Key kWithDefault = ApartOf<&WriteName, Holder>("name", kText, "A name.");
  const Holder owner;
  EXPECT_EQ(kWithDefault.binding.read, nullptr);
  EXPECT_EQ(kWithDefault.binding.write(kText, &owner), "a");
}

}  // namespace
}  // namespace holdfast::config
