#include "pool/net/intrusive_list.h"

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

struct Item : ListNode<Item> {
  explicit Item(int item_name = 0) : name(item_name) {}
  int name;
};

using List = IntrusiveList<Item>;

std::vector<int> Names(const List& list) {
  std::vector<int> names;
  for (const Item* item = list.front(); item != nullptr; item = List::Next(*item)) {
    names.push_back(item->name);
  }
  return names;
}

void Clear(List& list) {
  while (!list.empty()) list.Remove(*list.front());
}

TEST(IntrusiveListTest, StartsEmpty) {
  const List list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.size(), 0u);
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.back(), nullptr);
}

TEST(IntrusiveListTest, KeepsBothEnds) {
  Item a(1), b(2), c(3);
  List list;
  list.PushBack(b);
  list.PushBack(c);
  list.PushFront(a);
  EXPECT_EQ(Names(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.front(), &a);
  EXPECT_EQ(list.back(), &c);
  EXPECT_EQ(list.size(), 3u);
  Clear(list);
}

TEST(IntrusiveListTest, RemovesFromEveryPlace) {
  for (int removed = 0; removed < 3; ++removed) {
    std::array<Item, 3> items = {Item(0), Item(1), Item(2)};
    List list;
    std::vector<int> expected;
    for (Item& item : items) {
      list.PushBack(item);
      if (item.name != removed) expected.push_back(item.name);
    }
    list.Remove(items[static_cast<size_t>(removed)]);
    EXPECT_EQ(Names(list), expected);
    EXPECT_EQ(list.front()->name, expected.front());
    EXPECT_EQ(list.back()->name, expected.back());
    EXPECT_FALSE(items[static_cast<size_t>(removed)].linked());
    Clear(list);
  }
}

TEST(IntrusiveListTest, AnItemIsInOneListAtATimeAndMayComeBack) {
  Item item(1);
  List first, second;
  first.PushBack(item);
  EXPECT_TRUE(item.linked());
  EXPECT_TRUE(first.Contains(item));
  EXPECT_FALSE(second.Contains(item));
  first.Remove(item);
  EXPECT_FALSE(first.Contains(item));
  second.PushFront(item);
  EXPECT_TRUE(second.Contains(item));
  second.Remove(item);
  EXPECT_TRUE(second.empty());
}

TEST(IntrusiveListTest, AgreesWithADequeInRandomSteps) {
  std::mt19937 random(1);
  std::array<Item, 16> items;
  for (size_t i = 0; i < items.size(); ++i) items[i].name = static_cast<int>(i);
  List list;
  std::deque<int> model;
  for (int step = 0; step < 20'000; ++step) {
    Item& item = items[random() % items.size()];
    if (item.linked()) {
      list.Remove(item);
      model.erase(std::ranges::find(model, item.name));
    } else if (random() % 2 == 0) {
      list.PushBack(item);
      model.push_back(item.name);
    } else {
      list.PushFront(item);
      model.push_front(item.name);
    }
    ASSERT_EQ(list.size(), model.size());
    ASSERT_EQ(Names(list), std::vector<int>(model.begin(), model.end()));
    ASSERT_EQ(list.back() == nullptr, model.empty());
    if (list.back() != nullptr) {
      ASSERT_EQ(list.back()->name, model.back());
    }
  }
  Clear(list);
}

TEST(IntrusiveListTest, InsertsBehindAnyItem) {
  Item one(1), two(2), three(3), four(4);
  List list;
  list.PushBack(one);
  list.PushBack(three);
  list.InsertAfter(one, two);
  list.InsertAfter(three, four);
  EXPECT_EQ(Names(list), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(list.size(), 4u);
  EXPECT_EQ(list.back(), &four);
  EXPECT_EQ(List::Previous(three), &two);
  EXPECT_EQ(List::Previous(one), nullptr);
  for (Item* item : {&two, &one, &four, &three}) list.Remove(*item);
}

TEST(IntrusiveListDeathTest, RefusesWhatWouldTearALinkedList) {
  Item item(1);
  List list, other;
  list.PushBack(item);
  EXPECT_DEATH(list.PushBack(item), "broken invariant");
  EXPECT_DEATH(other.PushFront(item), "broken invariant");
  EXPECT_DEATH(other.Remove(item), "broken invariant");
  list.Remove(item);
  EXPECT_DEATH(list.Remove(item), "broken invariant");
}

TEST(IntrusiveListDeathTest, NeitherEndsBeforeTheOther) {
  EXPECT_DEATH(
      {
        List list;
        Item item(1);
        list.PushBack(item);
      },
      "broken invariant");
  EXPECT_DEATH(
      {
        Item item(1);
        List list;
        list.PushBack(item);
      },
      "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
