//! Published keys and signatures, and some of another implementation's where nobody published any.

/// RFC 7515, appendix A.1.1: a secret.
pub(crate) const HS_KEY: &str =
    r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;

/// RFC 7515, appendix A.1.1: HS256.
pub(crate) const HS256: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// RFC 7515, appendix A.2.1: an RSA key.
pub(crate) const RS_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;

/// RFC 7515, appendix A.2.1: RS256.
pub(crate) const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// RFC 7515, appendix A.3.1: a key on P-256.
pub(crate) const ES256_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// RFC 7515, appendix A.3.1: ES256.
pub(crate) const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// RFC 7515, appendix A.5: an unsecured token.
pub(crate) const NONE: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";

/// RFC 8037, appendix A.2: a key on Ed25519.
pub(crate) const ED_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// RFC 8037, appendix A.4: EdDSA. Its payload is no JSON.
pub(crate) const EDDSA: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// RFC 7520, section 3.3: an RSA key with a name.
pub(crate) const COOKBOOK_KEY: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;

/// RFC 7520, section 4.2.3: PS384. Its payload is no JSON.
pub(crate) const PS384: &str = "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";

/// RFC 6979, appendix A.2.6: a key on P-384.
pub(crate) const ES384_KEY: &str = r#"{"kty":"EC","crv":"P-384","x":"7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-PDqkFWGYGSiVFFUgLwT","y":"gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SUzJkcg"}"#;

/// RFC 6979, appendix A.2.6: the signature of `sample` with SHA-384.
pub(crate) const ES384_SAMPLE: &str = "lO27kqXsuKrUc25WxpGRaz-IFAZmzp-nPWTE6pWtEzyBpkgVLkSs-W423R6A-r5Gme9K6xXxeM6h_kDbJgMTjxMOdAoZYkUmIDtjUdCjqU-jKcFFeG5nnnuCxxo4YorI";

/// `sample`, signed by OpenSSL with the private part of [`COOKBOOK_KEY`], which RFC 7520 publishes: RS384.
pub(crate) const RS384_SAMPLE: &str = "FtCP3L76IJcNUchMTdLzImtsENxhhjKsKF2yFSbcPZ65QX2qDeKDIplumn9hyycBldfd1X4aPFZMEY_70Hm0ZNUDgl06AUjRUnFQrVf2lFjfmrnAQCz7B_elmnZPEzjHfl4yl8zZEOLzfA6BC9YIbtAo5l_y8jw20GS56hPD79ooT4cAjGSNGS9gLr1ac1mVdGwspTpqb6i-6Q_AOPCQAR0XzoUOTT3KXpMlrHPaLTU76D3JeDbE2EPN8UzfbN5acUl1bhKUIg_3OqJM1eOFYbm0b-p6ZSdmdjdzqFDiBlAkvhCJOLdBfbUbRmQMSsh8z2FNTXeepHBcFX2P3lYPKg";

/// `sample`, signed by OpenSSL with the private part of [`COOKBOOK_KEY`], which RFC 7520 publishes: RS512.
pub(crate) const RS512_SAMPLE: &str = "cxy1o6WIkdvTHRH5Ei7UdhICv_lylLIQTcv79RKSdw018xGQ1U2MkYMyfeIp5MKKvNugjfxmr_H1zl4IusZG0bPC6o1uA3qHErjzJ9rimn2Q94qqoxufjzMOwcE2m_-DVkWk6QJSvZnxMveFar2pMefByQDhBinUegC1lHWrx4sLpvDe60_NHDdouIw6jCFhkDkxf38HBrOsIFPolxd4y7iVMXlAQ_qaBMcBR7bDxdRCONkvj2OPU3wQq9uj1B1IVWU34lSkzL7BIxUtTW63ysEMVoUaXGcVi4WaZmZnyEuHP6sL9VFHXmzL20bRFRJXjpb63KJHWOE1OJ-jy37k7g";

/// `sample`, signed by OpenSSL with the private part of [`COOKBOOK_KEY`], which RFC 7520 publishes: PS256.
pub(crate) const PS256_SAMPLE: &str = "Oc58G4yDsmss1bMt-FEU_xXeHm7wKzH1Ep_2S2I3GL5dYQGNBJ3N_0tbCLdDdvmXIMKtiQU5VkpuF77GD5zgX8oAOS02S44Bk-PvmeFLZL64cOiW613pJfg65s3WLstgRF80Z9WYY-5FHfseSzUCBZCg-CMNMRzJducyQJ_bePwXuByqVhvtXXJB0aqipVgWg1-iqubZplVTRsIxRyIogBjsh1XY9FpSNfbSGCfi2B13BuA33_EhHSGNhD43hsK3WTf6gVz_qKldfRhUuHqrgbTobYXCGA_tY21II028DyUjqDnQf_traUkotyYBfXQRK-VOjnMATJ-bROia1r7FTw";

/// `sample`, signed by OpenSSL with the private part of [`COOKBOOK_KEY`], which RFC 7520 publishes: PS512.
pub(crate) const PS512_SAMPLE: &str = "ex-OIif40aXAsF3ndQq-Sm2nS8vGpck8pzXElxWJU-Uww5NkJZI39w_1zIuvgFRXG4gVQCrSNf8WSiBcl-v2RzkcZRcoQ4aG8iAidpOr5u7BrS7Qp-BB5yWf5f5PW7Rg9sX-onuTYSDJrONrDo3VRPiIyqwPloDkXVHC6mBFPT0RTn09Il6AP6V6pQw6pGWNLRVfPYmS9T3AMxF0fIPXnjC45pzKhWb4DhIi866YdkJXXwC-lQNjrexdVbTLiyzW_H5Eh9vw7OO1Yyvbxdnv5-HCHeTEDAmnBNyOELSeAJMXEE_P8-mKIL3oRgRBy0nA7ebwg9UqjHlrgZtORUcmdw";
