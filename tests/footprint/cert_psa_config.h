#ifndef CERT_PSA_CONFIG_H
#define CERT_PSA_CONFIG_H

#include "psk_psa_config.h"

#define PSA_WANT_ALG_ECDSA 1

#endif
