/* The kernels of x86, where the compiler can make them (GCC, Clang); elsewhere, and where FEMTO_EC_PLAIN asks for the plain
 * one alone, this header is empty. */
#ifndef FEMTO_EC_KERNEL_X86_H
#define FEMTO_EC_KERNEL_X86_H

#include "ec_kernel.h"

#if !defined(FEMTO_EC_PLAIN) && defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define FEMTO_EC_X86

extern const ec_kernel_t ec_kernel_sse2, ec_kernel_avx2;

#endif
#endif
