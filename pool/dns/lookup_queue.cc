#include "pool/dns/lookup_queue.h"

#include <iterator>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

Lookup& LookupQueue::Add(std::shared_ptr<Lookup> lookup) {
  lookups_.push_back(std::move(lookup));
  lookups_.back()->place_ = std::prev(lookups_.end());
  return *lookups_.back();
}

void LookupQueue::Wait(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state() == Lookup::State::kWaiting);
  line_.push_back(&lookup);
}

Lookup* LookupQueue::StartNext() {
  if (line_.empty() || questions_ + line_.front()->questions() > kMaxQuestions) return nullptr;
  Lookup* const next = line_.front();
  line_.pop_front();
  next->Start();
  return next;
}

std::shared_ptr<Lookup> LookupQueue::Remove(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state() == Lookup::State::kAnswered);
  std::shared_ptr<Lookup> removed = std::move(*lookup.place_);
  lookups_.erase(removed->place_);
  return removed;
}

std::vector<Lookup*> LookupQueue::Asked() const {
  std::vector<Lookup*> asked;
  for (const std::shared_ptr<Lookup>& lookup : lookups_) {
    if (lookup->state() == Lookup::State::kAsked) asked.push_back(lookup.get());
  }
  return asked;
}

void LookupQueue::OnReply() {
  HOLDFAST_CHECK(questions_ > 0);
  --questions_;
}

}  // namespace holdfast::pool
