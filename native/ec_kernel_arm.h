/* The kernel of Cortex-M with the DSP extension (M4, M7, M33); elsewhere this header is empty. */
#ifndef FEMTO_EC_KERNEL_ARM_H
#define FEMTO_EC_KERNEL_ARM_H

#include "ec_kernel.h"

#if !defined(FEMTO_EC_PLAIN) && defined(__ARM_FEATURE_SIMD32) && __ARM_ARCH_PROFILE == 'M'
#define FEMTO_EC_DSP

extern const ec_kernel_t ec_kernel_dsp;

#endif
#endif
