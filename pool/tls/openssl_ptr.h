#ifndef HOLDFAST_POOL_TLS_OPENSSL_PTR_H_
#define HOLDFAST_POOL_TLS_OPENSSL_PTR_H_

#include <memory>
#include <type_traits>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Owners of what OpenSSL makes. For the sources of this room: its other headers name no type of
// the library.

namespace holdfast::pool {

// A constant that is called as the function that it is.
template <class T, auto kFree>
using OpenSslPtr = std::unique_ptr<T, std::integral_constant<decltype(kFree), kFree>>;

using BioPtr = OpenSslPtr<BIO, &BIO_free>;
using CrlPtr = OpenSslPtr<X509_CRL, &X509_CRL_free>;
using GeneralNamesPtr = OpenSslPtr<GENERAL_NAMES, &GENERAL_NAMES_free>;
using KeyPtr = OpenSslPtr<EVP_PKEY, &EVP_PKEY_free>;
using SessionPtr = OpenSslPtr<SSL_SESSION, &SSL_SESSION_free>;
using SslContextPtr = OpenSslPtr<SSL_CTX, &SSL_CTX_free>;
using SslPtr = OpenSslPtr<SSL, &SSL_free>;
using X509Ptr = OpenSslPtr<X509, &X509_free>;

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_OPENSSL_PTR_H_
