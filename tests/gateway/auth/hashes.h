#ifndef HOLDFAST_TESTS_GATEWAY_AUTH_HASHES_H_
#define HOLDFAST_TESTS_GATEWAY_AUTH_HASHES_H_

#include <string_view>

namespace holdfast::auth {

// Made by `htpasswd -nbB -C COST` of Apache 2.4 and by `argon2 SALT -e`, as cheap as may be.

// "correct horse"
inline constexpr std::string_view kBcryptHorse =
    "$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai";
inline constexpr std::string_view kArgon2idHorse =
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$Kw3/ZjLNvvrvmWv7DSmJdvIaVuO5yzpUAyMmNiCnHLI";
// Two lanes, a digest of 24 bytes.
inline constexpr std::string_view kArgon2iHorse =
    "$argon2i$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0$53LLybg9kg0FXYTk1pJ6Tq6gjCG0VBK3";
// "pässwörd", as UTF-8
inline constexpr std::string_view kBcryptUmlauts =
    "$2y$05$IiMOkIh1kFfNDelrAZ580.zYmlNikoFsBXTOSObs3pMpApWV3Xe9a";
inline constexpr std::string_view kArgon2idUmlauts =
    "$argon2id$v=19$m=256,t=3,p=4$c29tZXNhbHRvZjE2Ynl0ZQ$"
    "2LmofYzVQXDtrZzPNUjyFtVtV3EA5sdn1oG6VqY9FeI";
// ""
inline constexpr std::string_view kBcryptEmpty =
    "$2y$04$3g6LQyrLL1TLP6SCgvkK3en9HvEP8KO0DAYilBq0lqe.aJgfLuPDq";
// 72 times 'x'
inline constexpr std::string_view kBcrypt72 =
    "$2y$04$zNTy/kzgepNwJLZpaazXhOswKecN4I/Veb0ck6m9Z7ekljnE80i.m";

}  // namespace holdfast::auth

#endif  // HOLDFAST_TESTS_GATEWAY_AUTH_HASHES_H_
