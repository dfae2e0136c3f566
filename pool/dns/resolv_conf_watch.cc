#include "pool/dns/resolv_conf_watch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "pool/net/socket.h"

namespace holdfast::pool {

ResolvConfWatch::ResolvConfWatch(std::string path, TimePoint now)
    : path_(std::move(path)), looked_(now), stamp_(StampOf(path_)) {}

bool ResolvConfWatch::Changed(TimePoint now) {
  if (now - looked_ < kInterval) return false;
  looked_ = now;
  const std::optional<Stamp> stamp = StampOf(path_);
  if (!stamp || stamp == stamp_) return false;
  stamp_ = stamp;
  return true;
}

std::optional<ResolvConfWatch::Stamp> ResolvConfWatch::StampOf(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!file.valid() || fstat(file.get(), &status) != 0) return std::nullopt;
  return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
               status.st_mtim.tv_nsec);
}

}  // namespace holdfast::pool
