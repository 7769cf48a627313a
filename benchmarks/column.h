/* One cortical column, as chapter 02 writes it, for the two competitors in C:

     v' = c,   c' = constant + W s(v) + damping c + stiffness v,

   s the logistic function. Everything here is inlined, free of branches and of calls, so that the
   compiler can turn a loop over trajectories into vector instructions. */

#include <stdint.h>
#include <string.h>

typedef uint64_t u64;

/* One number for each population: spiny stellate, superficial, inhibitory, deep. */
typedef struct {
    double ss, sp, ii, dp;
} four;

/* In the order of benchmarks/c_code.py; w_a_b goes to a from b. The sigmoids are
   1 / (1 + 2^(bias + slope v)): both numbers come multiplied by -log2(e). */
typedef struct {
    four stiffness, damping, constant;
    double w_ss_ss, w_ss_sp, w_ss_ii, w_sp_ss, w_sp_sp, w_ii_ss, w_ii_ii, w_ii_dp, w_dp_ii, w_dp_dp;
    double slope, bias;
} column;

static inline double from_bits(u64 i) {
    double x;
    memcpy(&x, &i, sizeof x);
    return x;
}

static inline u64 to_bits(double x) {
    u64 i;
    memcpy(&i, &x, sizeof i);
    return i;
}

#define ROUND 6755399441055744.0 /* 1.5 * 2^52: adding it rounds to an integer */
#define EXPONENT (ROUND + 1023.0) /* the same, and leaves the exponent of 2^k in the lowest bits */

/* 2^x, relative error below 1e-15, held at +-500. The polynomial interpolates (2^r - 1) / r at ten
   Chebyshev nodes; odd and even terms apart make two short chains instead of a long one. */
static inline double power_of_two(double x) {
    x = x < -500 ? -500 : x;
    x = x > 500 ? 500 : x;
    double shifted = x + EXPONENT, r = x - (shifted - EXPONENT), z = r * r;
    double odd = 1.0205905413765595e-07 * z + 1.5252672924850737e-05;
    odd = odd * z + 0.0013333558200794592;
    odd = odd * z + 0.05550410866465167;
    odd = odd * z + 0.6931471805599462;
    double even = 7.070977866508138e-09 * z + 1.3215451633221434e-06;
    even = even * z + 0.00015403530424776529;
    even = even * z + 0.009618129107618665;
    even = even * z + 0.24022650695910075;
    return (even * z + (odd * r + 1.0)) * from_bits(to_bits(shifted) << 52);
}

#ifdef LIBM
#include <math.h>
#define POWER exp2
#else
#define POWER power_of_two
#endif

/* The firing of the four populations: two quotients by one division. */
static inline four firing(column p, four v) {
    double ss = 1.0 + POWER(p.bias + p.slope * v.ss), sp = 1.0 + POWER(p.bias + p.slope * v.sp);
    double ii = 1.0 + POWER(p.bias + p.slope * v.ii), dp = 1.0 + POWER(p.bias + p.slope * v.dp);
    double first = 1.0 / (ss * sp), second = 1.0 / (ii * dp);
    return (four){first * sp, first * ss, second * dp, second * ii};
}

/* c' at the state (v, c). */
static inline four flow(column p, four v, four c) {
    four s = firing(p, v), f;
    f.ss = p.constant.ss + p.stiffness.ss * v.ss + p.damping.ss * c.ss;
    f.sp = p.constant.sp + p.stiffness.sp * v.sp + p.damping.sp * c.sp;
    f.ii = p.constant.ii + p.stiffness.ii * v.ii + p.damping.ii * c.ii;
    f.dp = p.constant.dp + p.stiffness.dp * v.dp + p.damping.dp * c.dp;
    f.ss += p.w_ss_ss * s.ss + p.w_ss_sp * s.sp + p.w_ss_ii * s.ii;
    f.sp += p.w_sp_ss * s.ss + p.w_sp_sp * s.sp;
    f.ii += p.w_ii_ss * s.ss + p.w_ii_ii * s.ii + p.w_ii_dp * s.dp;
    f.dp += p.w_dp_ii * s.ii + p.w_dp_dp * s.dp;
    return f;
}

/* a + h b */
static inline four ahead(four a, double h, four b) {
    return (four){a.ss + h * b.ss, a.sp + h * b.sp, a.ii + h * b.ii, a.dp + h * b.dp};
}

static inline four sum(four a, four b) { return ahead(a, 1.0, b); }

/* One step of Heun; `noise` is what white noise adds to c of the stellate cells in this step. */
static inline void heun(column p, double h, double noise, four *v, four *c) {
    four f = flow(p, *v, *c), w = ahead(*v, h, *c), d = ahead(*c, h, f);
    d.ss += noise;
    four e = flow(p, w, d);
    *v = ahead(*v, 0.5 * h, sum(*c, d));
    *c = ahead(*c, 0.5 * h, sum(f, e));
    c->ss += noise;
}
