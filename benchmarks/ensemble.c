/* Many trajectories with noise, WIDTH side by side in one block, each quantity of a block in one
   row, so that a vector instruction advances several at once. Compiled by benchmarks/c_code.py. */

#include <math.h>

#include "column.h"

#ifndef WIDTH
#define WIDTH 16
#endif

typedef double row[WIDTH] __attribute__((aligned(64)));
typedef u64 bits_row[WIDTH] __attribute__((aligned(64)));

/* Fill 256 random bits for trajectory `trial`: splitmix64. */
static void seed_bits(bits_row *s, int k, u64 seed, u64 trial) {
    u64 z = seed + trial * 0xD1342543DE82EF95u;
    for (int i = 0; i < 4; i++) {
        u64 x = (z += 0x9E3779B97F4A7C15u);
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        s[i][k] = x ^ (x >> 31);
    }
}

/* xoshiro256+ (Blackman & Vigna 2021). */
static inline u64 next_word(u64 *a, u64 *b, u64 *c, u64 *d) {
    u64 word = *a + *d, t = *b << 17;
    *c ^= *a, *d ^= *b, *b ^= *c, *a ^= *d, *c ^= t;
    *d = (*d << 45) | (*d >> 19);
    return word;
}

#define ONE 0x3FF0000000000000u /* the bits of 1.0 */

/* log(u) for u in (0, 1], relative error below 1e-15: 2 artanh of (m - 1) / (m + 1). */
static inline double logarithm(double u) {
    u64 i = to_bits(u);
    double e = (double)(int64_t)(i >> 52) - 1023.0;
    double m = from_bits((i & 0x000FFFFFFFFFFFFFu) | ONE);
    int large = m > 1.4142135623730951;
    m = large ? m * 0.5 : m;
    e = large ? e + 1.0 : e;
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double q = 0.16837659970680488 * z + 0.18121934431215214;
    q = q * z + 0.22223434547517906;
    q = q * z + 0.2857141602110767;
    q = q * z + 0.40000000061741614;
    q = q * z + 0.6666666666655292;
    q = q * z + 2.0;
    return e * 0.6931471805599453 + s * q;
}

/* Two independent normal numbers times `size`: Box and Muller, errors below 1e-14. */
static inline void normal_pair(u64 r1, u64 r2, double size, double *one, double *other) {
    double u = 2.0 - from_bits((r1 >> 12) | ONE);
    double x = from_bits((r2 >> 12) | ONE) - 1.5; /* turns, half a turn back */
    double k = (2.0 * x + ROUND) - ROUND, y = x - 0.5 * k, z = y * y;
    double radius = size * sqrt(-2.0 * logarithm(u)) * (2.0 * fabs(k) - 1.0);
    double s = -0.6925067010720717 * z + 3.817365633469135;
    s = s * z - 15.09450614073429;
    s = s * z + 42.05868995395094;
    s = s * z - 76.70585968962867;
    s = s * z + 81.60524927557977;
    s = s * z - 41.341702240398284;
    s = s * z + 6.283185307179585;
    double c = -1.6452233497893094 * z + 7.896555735851554;
    c = c * z - 26.42588874334368;
    c = c * z + 60.24463060817376;
    c = c * z - 85.45681703563287;
    c = c * z + 64.93939402133272;
    c = c * z - 19.739208802174744;
    c = c * z + 1.0;
    *one = radius * c;
    *other = radius * s * y;
}

/* Advance one block, trajectories first ... first + WIDTH - 1, from the first row of `out`. */
static void block(column p, double h, int64_t n, int64_t every, double noise, u64 seed,
                  int64_t first, int64_t trials, double *out) {
    row X[8], G[2] = {{0}};
    bits_row S[4];
    const int64_t stride = 8 * (n / every + 1);
    for (int k = 0; k < WIDTH; k++) {
        int64_t trial = first + k < trials ? first + k : trials - 1; /* the last block is filled */
        seed_bits(S, k, seed, (u64)trial);
        for (int j = 0; j < 8; j++) X[j][k] = out[trial * stride + j];
    }
    for (int64_t i = 0; i < n; i++) {
        if (noise != 0.0 && i % 2 == 0)
            for (int k = 0; k < WIDTH; k++) {
                u64 s0 = S[0][k], s1 = S[1][k], s2 = S[2][k], s3 = S[3][k];
                u64 r1 = next_word(&s0, &s1, &s2, &s3), r2 = next_word(&s0, &s1, &s2, &s3);
                S[0][k] = s0, S[1][k] = s1, S[2][k] = s2, S[3][k] = s3;
                normal_pair(r1, r2, noise, &G[0][k], &G[1][k]);
            }
        const double *g = G[i % 2];
        for (int k = 0; k < WIDTH; k++) {
            four v = {X[0][k], X[1][k], X[2][k], X[3][k]}, c = {X[4][k], X[5][k], X[6][k], X[7][k]};
            heun(p, h, g[k], &v, &c);
            X[0][k] = v.ss, X[1][k] = v.sp, X[2][k] = v.ii, X[3][k] = v.dp;
            X[4][k] = c.ss, X[5][k] = c.sp, X[6][k] = c.ii, X[7][k] = c.dp;
        }
        if ((i + 1) % every == 0)
            for (int k = 0; k < WIDTH && first + k < trials; k++)
                for (int j = 0; j < 8; j++)
                    out[(first + k) * stride + (i + 1) / every * 8 + j] = X[j][k];
    }
}

/* Fill out (trials, n / every + 1, 8), whose first states are given, in blocks shared out among
   the threads; `noise` is the standard deviation that one step adds to c of the stellate cells. */
void ensemble(const column *given, double h, int64_t n, int64_t every, double noise, u64 seed,
              int64_t trials, int threads, double *out) {
    const column p = *given;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t first = 0; first < trials; first += WIDTH)
        block(p, h, n, every, noise, seed, first, trials, out);
}
