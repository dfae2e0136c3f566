#include "gateway/server/log_writers.h"

#include <utility>

#include <absl/strings/str_cat.h>

namespace holdfast::server {
namespace {

std::string NameOf(const config::AccessLog& log) {
  return log.path.empty() ? std::string(WordsOf(log.target).WordOf(log.target)) : log.path;
}

}  // namespace

LogWriters::~LogWriters() {
  for (Slot& slot : slots_) {
    if (slot.writer != nullptr) slot.writer->Hurry();
  }
}

LogWriters::Slot* LogWriters::SlotFor(const std::string& target) {
  Slot* free = nullptr;
  for (Slot& slot : slots_) {
    if (slot.target == target) return &slot;
    if (slot.target.empty() && free == nullptr) free = &slot;
  }
  return free;
}

absl::Status LogWriters::Open(std::vector<config::AccessLog>* targets, uint64_t publication) {
  std::array<bool, kMaxWriters> wanted{};
  std::vector<Slot*> claimed;  // nobody knows of them yet
  const auto undo = [&claimed](absl::Status status) {
    for (Slot* slot : claimed) {
      slot->writer->Close();
      slot->target.clear();
    }
    return status;
  };
  for (config::AccessLog& log : *targets) {
    const std::string name = NameOf(log);
    Slot* const slot = SlotFor(name);
    if (slot == nullptr) {
      return undo(absl::UnavailableError(absl::StrCat(
          "access log ", name, ": lines for earlier targets are still being written")));
    }
    if (slot->writer == nullptr) slot->writer = std::make_unique<LogWriter>(clock_);
    if (absl::Status status = slot->writer->Open(log); !status.ok()) return undo(status);
    if (slot->target.empty()) claimed.push_back(slot);
    // Until all are open nobody writes there: it goes again with the publication that comes next.
    if (!slot->in_use) slot->dropped_with = publication;
    slot->target = name;
    log.writer = static_cast<uint32_t>(slot - slots_.data());
    wanted[log.writer] = true;
  }
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].in_use && !wanted[i]) slots_[i].dropped_with = publication;
    slots_[i].in_use = wanted[i];
  }
  return absl::OkStatus();
}

void LogWriters::OnAdopted(uint64_t publication) {
  for (Slot& slot : slots_) {
    if (slot.target.empty() || slot.in_use || slot.dropped_with > publication) continue;
    slot.writer->Close();
    slot.target.clear();
  }
}

absl::Status LogWriters::Reopen() {
  absl::Status first;
  for (Slot& slot : slots_) {
    if (slot.in_use) first.Update(slot.writer->Reopen());
  }
  return first;
}

void LogWriters::Write(uint32_t writer, std::string batch, std::function<void(bool written)> done) {
  slots_[writer].writer->Write(std::move(batch), std::move(done));
}

}  // namespace holdfast::server
