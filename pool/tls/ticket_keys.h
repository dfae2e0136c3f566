#ifndef HOLDFAST_POOL_TLS_TICKET_KEYS_H_
#define HOLDFAST_POOL_TLS_TICKET_KEYS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::pool {

// What seals session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1), and opens those sealed
// by other workers, by the process before an upgrade, and by others of a fleet that read the same
// file.
struct TicketKey {
  static constexpr size_t kBytes = 16 + 32 + 32;

  std::array<uint8_t, 16> name{};  // in every ticket, in the clear
  std::array<uint8_t, 32> cipher{};
  std::array<uint8_t, 32> mac{};

  bool operator==(const TicketKey&) const = default;
};

// Three of them, because those who share them do not change them at the same moment: tickets are
// sealed with the current one, and opened with any. Values; any thread. Whoever has them keeps them
// secret: they are never logged.
struct TicketKeys {
  static constexpr size_t kBytes = 3 * TicketKey::kBytes;

  TicketKey previous;
  TicketKey current;
  TicketKey next;

  // Nobody else's. nullopt: the system has no random bytes.
  static std::optional<TicketKeys> Fresh();
  // Those of a period, which are the same wherever the secret is: the next period's current key is
  // this one's next. nullopt: the library could not.
  static std::optional<TicketKeys> Derived(std::string_view secret, uint64_t period);
  // The next one becomes the current one. nullopt as above.
  std::optional<TicketKeys> Rotated() const;
  // kBytes of them, for a file or for the next process: previous, current and next, each as name,
  // cipher key and MAC key.
  std::string Serialize() const;
  // nullopt: not kBytes.
  static std::optional<TicketKeys> Parse(std::string_view bytes);

  // The key of this name; `*renew`: a new ticket should be given. Null: nobody's.
  const TicketKey* Find(const uint8_t* name, bool* renew) const;

  bool operator==(const TicketKeys&) const = default;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TICKET_KEYS_H_
