#ifndef HOLDFAST_POOL_NET_INTRUSIVE_LIST_H_
#define HOLDFAST_POOL_NET_INTRUSIVE_LIST_H_

#include <cstddef>

#include "pool/net/check.h"

namespace holdfast::pool {

template <class T>
class IntrusiveList;

// Base of an object that is in at most one list of its kind. It can be neither copied nor moved,
// because its address is its membership. It must be unlinked before it is destroyed.
template <class T>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  bool linked() const { return list_ != nullptr; }

 protected:
  ~ListNode() { HOLDFAST_CHECK(list_ == nullptr); }

 private:
  friend class IntrusiveList<T>;
  IntrusiveList<T>* list_ = nullptr;
  T* previous_ = nullptr;
  T* next_ = nullptr;
};

// A doubly linked list of objects that it does not own. Every operation is O(1) and allocates
// nothing. One thread.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() { HOLDFAST_CHECK(front_ == nullptr); }

  bool empty() const { return front_ == nullptr; }
  size_t size() const { return size_; }
  T* front() const { return front_; }
  T* back() const { return back_; }
  static T* Next(const T& item) { return item.ListNode<T>::next_; }
  static T* Previous(const T& item) { return item.ListNode<T>::previous_; }
  bool Contains(const T& item) const { return item.ListNode<T>::list_ == this; }

  void PushBack(T& item) {
    ListNode<T>& node = Link(item);
    node.previous_ = back_;
    node.next_ = nullptr;
    (back_ != nullptr ? back_->ListNode<T>::next_ : front_) = &item;
    back_ = &item;
  }

  void PushFront(T& item) {
    ListNode<T>& node = Link(item);
    node.previous_ = nullptr;
    node.next_ = front_;
    (front_ != nullptr ? front_->ListNode<T>::previous_ : back_) = &item;
    front_ = &item;
  }

  // Links the item behind `previous`, which is in the list.
  void InsertAfter(T& previous, T& item) {
    HOLDFAST_CHECK(Contains(previous));
    T* next = Next(previous);
    if (next == nullptr) return PushBack(item);
    ListNode<T>& node = Link(item);
    node.previous_ = &previous;
    node.next_ = next;
    previous.ListNode<T>::next_ = &item;
    next->ListNode<T>::previous_ = &item;
  }

  void Remove(T& item) {
    ListNode<T>& node = item;
    HOLDFAST_CHECK(node.list_ == this);
    (node.previous_ != nullptr ? node.previous_->ListNode<T>::next_ : front_) = node.next_;
    (node.next_ != nullptr ? node.next_->ListNode<T>::previous_ : back_) = node.previous_;
    node.list_ = nullptr;
    node.previous_ = node.next_ = nullptr;
    --size_;
  }

 private:
  ListNode<T>& Link(T& item) {
    ListNode<T>& node = item;
    HOLDFAST_CHECK(node.list_ == nullptr);
    node.list_ = this;
    ++size_;
    return node;
  }

  T* front_ = nullptr;
  T* back_ = nullptr;
  size_t size_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_INTRUSIVE_LIST_H_
