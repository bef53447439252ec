//! Checking an Ed25519 signature (RFC 8032) in the plainest way, from nothing but
//! the specification: as a service in another language, with another library, would.

type Element = [u64; 4];

/// 2^255 - 19.
const P: Element = [0xffff_ffff_ffff_ffed, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];
const ZERO: Element = [0; 4];
const ONE: Element = [1, 0, 0, 0];

fn below(a: &Element, b: &Element) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn minus(a: &Element, b: &Element) -> Element {
    let mut borrow = false;
    std::array::from_fn(|i| {
        let (once, first) = a[i].overflowing_sub(b[i]);
        let (twice, second) = once.overflowing_sub(u64::from(borrow));
        borrow = first || second;
        twice
    })
}

/// 2^256 is 38 here.
fn reduce(wide: &[u64; 8]) -> Element {
    let (mut out, mut high) = (ZERO, [wide[4], wide[5], wide[6], wide[7]]);
    out.copy_from_slice(&wide[..4]);
    while high != ZERO {
        let mut carry = 0_u128;
        for i in 0..4 {
            carry += u128::from(out[i]) + 38 * u128::from(high[i]);
            out[i] = carry as u64;
            carry >>= 64;
        }
        high = [carry as u64, 0, 0, 0];
    }
    while !below(&out, &P) {
        out = minus(&out, &P);
    }
    out
}

fn mul(a: &Element, b: &Element) -> Element {
    let mut wide = [0; 8];
    for i in 0..4 {
        let mut carry = 0_u128;
        for j in 0..4 {
            carry += u128::from(a[i]) * u128::from(b[j]) + u128::from(wide[i + j]);
            wide[i + j] = carry as u64;
            carry >>= 64;
        }
        wide[i + 4] = carry as u64;
    }
    reduce(&wide)
}

fn add(a: &Element, b: &Element) -> Element {
    // Both are below P, so there is no carry out of the last limb.
    let (mut wide, mut carry) = ([0; 8], 0_u128);
    for i in 0..4 {
        carry += u128::from(a[i]) + u128::from(b[i]);
        wide[i] = carry as u64;
        carry >>= 64;
    }
    reduce(&wide)
}

fn sub(a: &Element, b: &Element) -> Element {
    add(a, &minus(&P, b))
}

fn bit(number: &[u64], at: usize) -> bool {
    number[at / 64] >> (at % 64) & 1 == 1
}

fn pow(base: &Element, exponent: &Element) -> Element {
    (0..256).rev().fold(ONE, |out, at| {
        let square = mul(&out, &out);
        if bit(exponent, at) { mul(&square, base) } else { square }
    })
}

fn quotient(a: &Element, b: &Element) -> Element {
    mul(a, &pow(b, &minus(&P, &[2, 0, 0, 0])))
}

fn small(number: u64) -> Element {
    [number, 0, 0, 0]
}

fn d() -> Element {
    sub(&ZERO, &quotient(&small(121_665), &small(121_666)))
}

/// A point as X, Y, Z and T (RFC 8032 §5.1.4).
#[derive(Clone, Copy)]
struct Point([Element; 4]);

impl Point {
    fn decode(bytes: &[u8; 32]) -> Option<Point> {
        let mut y = words(bytes);
        let odd = y[3] >> 63 == 1;
        y[3] &= u64::MAX >> 1;
        let square = mul(&y, &y);
        let (u, v) = (sub(&square, &ONE), add(&mul(&d(), &square), &ONE));
        let wanted = quotient(&u, &v);
        // (P + 3) / 8 and (P - 1) / 4.
        let root = pow(&wanted, &[u64::MAX - 1, u64::MAX, u64::MAX, 0x0fff_ffff_ffff_ffff]);
        let of_minus_one = pow(&small(2), &[u64::MAX - 4, u64::MAX, u64::MAX, 0x1fff_ffff_ffff_ffff]);
        let root = [root, mul(&root, &of_minus_one)].into_iter().find(|x| mul(x, x) == wanted)?;
        let x = if (root[0] & 1 == 1) == odd { root } else { sub(&ZERO, &root) };
        below(&y, &P).then(|| Point([x, y, ONE, mul(&x, &y)]))
    }

    fn plus(&self, other: &Point) -> Point {
        let (Point([x1, y1, z1, t1]), Point([x2, y2, z2, t2])) = (self, other);
        let a = mul(&sub(y1, x1), &sub(y2, x2));
        let b = mul(&add(y1, x1), &add(y2, x2));
        let c = mul(&mul(t1, &add(&d(), &d())), t2);
        let double = mul(&add(z1, z1), z2);
        let (e, f, g, h) = (sub(&b, &a), sub(&double, &c), add(&double, &c), add(&b, &a));
        Point([mul(&e, &f), mul(&g, &h), mul(&f, &g), mul(&e, &h)])
    }

    fn times(&self, scalar: &[u64]) -> Point {
        (0..scalar.len() * 64).rev().fold(Point([ZERO, ONE, ONE, ZERO]), |out, at| {
            let twice = out.plus(&out);
            if bit(scalar, at) { twice.plus(self) } else { twice }
        })
    }

    fn is(&self, other: &Point) -> bool {
        let (Point([x1, y1, z1, _]), Point([x2, y2, z2, _])) = (self, other);
        mul(x1, z2) == mul(x2, z1) && mul(y1, z2) == mul(y2, z1)
    }
}

fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    std::array::from_fn(|i| (0..8).rev().fold(0, |word, at| word << 8 | u64::from(bytes[8 * i + at])))
}

/// Whether a signature of a message was made with the private half of a key.
pub fn is_signed(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Some((r, s))) = (<[u8; 32]>::try_from(key), signature.split_first_chunk::<32>()) else {
        return false;
    };
    let mut base = [0; 32];
    for (i, word) in quotient(&small(4), &small(5)).into_iter().enumerate() {
        base[8 * i..8 * i + 8].copy_from_slice(&word.to_le_bytes());
    }
    let (Some(a), Some(point), Some(base)) = (Point::decode(&key), Point::decode(r), Point::decode(&base)) else {
        return false;
    };
    let h: [u64; 8] = words(&sha512(&[r, &key[..], message].concat()));
    s.len() == 32 && base.times(&words::<4>(s)).is(&point.plus(&a.times(&h)))
}

fn sha512(message: &[u8]) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((message.len() + 17).next_multiple_of(128) - 16, 0);
    padded.extend((8 * message.len() as u128).to_be_bytes());
    let mut state = INITIAL;
    for block in padded.chunks_exact(128) {
        let mut w: Vec<u64> = block.chunks_exact(8).map(|b| b.iter().fold(0, |n, &b| n << 8 | u64::from(b))).collect();
        for i in 16..80 {
            let (x, y) = (w[i - 15], w[i - 2]);
            let s0 = x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7;
            let s1 = y.rotate_right(19) ^ y.rotate_right(61) ^ y >> 6;
            w.push(w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1));
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for i in 0..80 {
            let s1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
            let choice = e & f ^ !e & g;
            let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(ROUND[i]).wrapping_add(w[i]);
            let s0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
            let t2 = s0.wrapping_add(a & b ^ a & c ^ b & c);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
        }
        for (sum, word) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *sum = sum.wrapping_add(word);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

const INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

const ROUND: [u64; 80] = [
    0x428a_2f98_d728_ae22,
    0x7137_4491_23ef_65cd,
    0xb5c0_fbcf_ec4d_3b2f,
    0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538,
    0x59f1_11f1_b605_d019,
    0x923f_82a4_af19_4f9b,
    0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242,
    0x1283_5b01_4570_6fbe,
    0x2431_85be_4ee4_b28c,
    0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f,
    0x80de_b1fe_3b16_96b1,
    0x9bdc_06a7_25c7_1235,
    0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2,
    0xefbe_4786_384f_25e3,
    0x0fc1_9dc6_8b8c_d5b5,
    0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275,
    0x4a74_84aa_6ea6_e483,
    0x5cb0_a9dc_bd41_fbd4,
    0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab,
    0xa831_c66d_2db4_3210,
    0xb003_27c8_98fb_213f,
    0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2,
    0xd5a7_9147_930a_a725,
    0x06ca_6351_e003_826f,
    0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc,
    0x2e1b_2138_5c26_c926,
    0x4d2c_6dfc_5ac4_2aed,
    0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de,
    0x766a_0abb_3c77_b2a8,
    0x81c2_c92e_47ed_aee6,
    0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364,
    0xa81a_664b_bc42_3001,
    0xc24b_8b70_d0f8_9791,
    0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218,
    0xd699_0624_5565_a910,
    0xf40e_3585_5771_202a,
    0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8,
    0x1e37_6c08_5141_ab53,
    0x2748_774c_df8e_eb99,
    0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63,
    0x4ed8_aa4a_e341_8acb,
    0x5b9c_ca4f_7763_e373,
    0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc,
    0x78a5_636f_4317_2f60,
    0x84c8_7814_a1f0_ab72,
    0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28,
    0xa450_6ceb_de82_bde9,
    0xbef9_a3f7_b2c6_7915,
    0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c,
    0xd186_b8c7_21c0_c207,
    0xeada_7dd6_cde0_eb1e,
    0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba,
    0x0a63_7dc5_a2c8_98a6,
    0x113f_9804_bef9_0dae,
    0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84,
    0x32ca_ab7b_40c7_2493,
    0x3c9e_be0a_15c9_bebc,
    0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6,
    0x597f_299c_fc65_7e2a,
    0x5fcb_6fab_3ad6_faec,
    0x6c44_198c_4a47_5817,
];

#[test]
fn the_second_test_of_rfc_8032_passes() {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    };
    let key = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let mut signature = bytes(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    assert!(is_signed(&key, &[0x72], &signature));
    assert!(!is_signed(&key, &[0x73], &signature));
    signature[40] ^= 1;
    assert!(!is_signed(&key, &[0x72], &signature));
}
