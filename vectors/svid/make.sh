#!/bin/sh
# Makes the certificates and requests of this folder anew, with OpenSSL 3: `sh vectors/svid/make.sh`. Private keys are thrown
# away, so every run makes others; what `x509.toml` and `csr.toml` say of them stays true.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p x509 csr
rm -f x509/*.pem csr/*.pem

ec() { openssl ecparam -genkey -noout -name "$1" -out "$2"; }
for key in root other lapsed expired leaf issuer badissuer noca; do ec prime256v1 "$work/$key.key"; done

cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = us
[us]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
organizationName = optional
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
CNF

# sign NAME KEY SUBJECT ISSUER(-selfsign or NAME) START END EXTENSIONS
sign() {
    : > "$work/index"
    openssl rand -hex 16 | sed 's/^./4/' > "$work/serial"
    openssl req -new -config "$work/ca.cnf" -key "$work/$2.key" -subj "/CN=x" -out "$work/$1.csr"
    printf '%b' "$7" > "$work/$1.ext"
    if [ "$4" = self ]; then
        by="-selfsign -keyfile $work/$2.key"
    else
        by="-cert x509/$4.pem -keyfile $work/$4.key"
    fi
    # shellcheck disable=SC2086
    openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/$1.csr" -subj "$3" $by \
        -startdate "$5" -enddate "$6" -extfile "$work/$1.ext" -out "x509/$1.pem" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
}

ROOT='basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nsubjectAltName=URI:spiffe://example.org\n'
LEAF='subjectAltName=critical,URI:spiffe://example.org/workload\n'
NOCA='basicConstraints=critical,CA:false\n'
SIGNS='keyUsage=critical,digitalSignature\n'
BOTH='extendedKeyUsage=serverAuth,clientAuth\n'

sign root root /O=root self 20260101000000Z 20360101000000Z "$ROOT"
sign other other /O=root self 20260101000000Z 20360101000000Z "$ROOT"
sign lapsed lapsed /O=lapsed self 20260101000000Z 20270110000000Z "$ROOT"
sign issuer issuer /O=issuer root 20270101000000Z 20280101000000Z 'basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign\n'
sign badissuer badissuer /O=badissuer root 20270101000000Z 20280101000000Z 'basicConstraints=critical,CA:true\nkeyUsage=critical,digitalSignature\n'
sign noca noca /O=noca root 20270101000000Z 20280101000000Z "$NOCA$SIGNS"

# leaf NAME EXTENSIONS [ISSUER [SUBJECT [START [END]]]]
leaf() { sign "$1" leaf "${4:-/}" "${3:-root}" "${5:-20270101000000Z}" "${6:-20270201000000Z}" "$2"; }

leaf good "$LEAF$NOCA$SIGNS$BOTH"
leaf good-subject "subjectAltName=URI:spiffe://example.org/workload\n$NOCA$SIGNS$BOTH" root /O=example/CN=workload
leaf good-without-purposes "$LEAF$NOCA$SIGNS"
leaf good-dns "subjectAltName=critical,URI:spiffe://example.org/workload,DNS:a.example.org,DNS:b.example.org\n$NOCA$SIGNS$BOTH"
leaf good-more-usage "$LEAF${NOCA}keyUsage=critical,digitalSignature,keyAgreement,keyEncipherment\n$BOTH"
leaf good-below-issuer "$LEAF$NOCA$SIGNS$BOTH" issuer
leaf good-without-constraints "$LEAF$SIGNS$BOTH"
leaf without-names "$NOCA$SIGNS$BOTH" root /CN=workload
leaf dns-alone "subjectAltName=DNS:a.example.org\n$NOCA$SIGNS$BOTH" root /CN=workload
leaf two-uris "subjectAltName=critical,URI:spiffe://example.org/workload,URI:https://example.org\n$NOCA$SIGNS$BOTH"
leaf twice-the-same "subjectAltName=critical,URI:spiffe://example.org/workload,URI:spiffe://example.org/workload\n$NOCA$SIGNS$BOTH"
leaf no-spiffe "subjectAltName=critical,URI:https://example.org/workload\n$NOCA$SIGNS$BOTH"
leaf upper-case "subjectAltName=critical,URI:spiffe://Example.org/workload\n$NOCA$SIGNS$BOTH"
leaf dot-segment "subjectAltName=critical,URI:spiffe://example.org/a/../workload\n$NOCA$SIGNS$BOTH"
leaf trailing-slash "subjectAltName=critical,URI:spiffe://example.org/workload/\n$NOCA$SIGNS$BOTH"
leaf port "subjectAltName=critical,URI:spiffe://example.org:443/workload\n$NOCA$SIGNS$BOTH"
leaf no-path "subjectAltName=critical,URI:spiffe://example.org\n$NOCA$SIGNS$BOTH"
leaf names-not-critical "subjectAltName=URI:spiffe://example.org/workload\n$NOCA$SIGNS$BOTH"
leaf ca "${LEAF}basicConstraints=critical,CA:true\n$SIGNS$BOTH"
leaf without-usage "$LEAF$NOCA$BOTH"
leaf usage-not-critical "$LEAF${NOCA}keyUsage=digitalSignature\n$BOTH"
leaf may-not-sign "$LEAF${NOCA}keyUsage=critical,keyAgreement\n$BOTH"
leaf signs-certificates "$LEAF${NOCA}keyUsage=critical,digitalSignature,keyCertSign\n$BOTH"
leaf signs-lists "$LEAF${NOCA}keyUsage=critical,digitalSignature,cRLSign\n$BOTH"
leaf server-alone "$LEAF$NOCA${SIGNS}extendedKeyUsage=serverAuth\n"
leaf client-alone "$LEAF$NOCA${SIGNS}extendedKeyUsage=clientAuth\n"
leaf other-domain "subjectAltName=critical,URI:spiffe://other.example/workload\n$NOCA$SIGNS$BOTH"
leaf by-other "$LEAF$NOCA$SIGNS$BOTH" other
leaf by-lapsed "$LEAF$NOCA$SIGNS$BOTH" lapsed
leaf ended "$LEAF$NOCA$SIGNS$BOTH" root / 20270101000000Z 20270110000000Z
leaf early "$LEAF$NOCA$SIGNS$BOTH" root / 20270120000000Z 20270201000000Z
leaf below-noca "$LEAF$NOCA$SIGNS$BOTH" noca
leaf below-badissuer "$LEAF$NOCA$SIGNS$BOTH" badissuer
leaf critical-unknown "$LEAF$NOCA$SIGNS${BOTH}1.2.3.4=critical,DER:0500\n"

# request NAME KEY SUBJECT EXTENSIONS [MORE]
request() {
    printf '%b' "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=x\n[ext]\n$4" > "$work/req.cnf"
    more=""
    [ -z "$4" ] || more="-reqexts ext"
    # shellcheck disable=SC2086
    openssl req -new -config "$work/req.cnf" -key "$work/$2.key" -subj "$3" $more ${5:-} -out "csr/$1.pem"
}

ec secp384r1 "$work/p384.key"
ec secp521r1 "$work/p521.key"
ec secp256k1 "$work/k1.key"
openssl genpkey -algorithm ed25519 -out "$work/ed25519.key"
for bits in 1024 2048 4096 4104; do openssl genrsa -out "$work/rsa$bits.key" $bits 2> /dev/null; done
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out "$work/pss.key" 2> /dev/null

request good leaf /CN=workload ''
request good-empty-subject leaf / ''
request good-sha384 leaf /CN=x '' -sha384
request good-p384 p384 /CN=x ''
request good-rsa2048 rsa2048 /CN=x ''
request good-rsa4096 rsa4096 /CN=x ''
request good-rsa-sha512 rsa2048 /CN=x '' -sha512
request good-name leaf / 'subjectAltName=URI:spiffe://example.org/workload\n'
request good-dns leaf / 'subjectAltName=URI:spiffe://example.org/workload,DNS:a.example.org\n'
request good-other-extensions leaf / 'keyUsage=critical,keyCertSign\nbasicConstraints=CA:true\n'
request other-name leaf / 'subjectAltName=URI:spiffe://example.org/admin\n'
request other-domain leaf / 'subjectAltName=URI:spiffe://other.example/workload\n'
request two-names leaf / 'subjectAltName=URI:spiffe://example.org/workload,URI:spiffe://example.org/admin\n'
request same-name-twice leaf / 'subjectAltName=URI:spiffe://example.org/workload,URI:spiffe://example.org/workload\n'
request other-dns leaf / 'subjectAltName=DNS:bank.example\n'
request email leaf / 'subjectAltName=email:root@example.org\n'
request address leaf / 'subjectAltName=IP:127.0.0.1\n'
request p521 p521 /CN=x ''
request secp256k1 k1 /CN=x ''
request ed25519 ed25519 /CN=x ''
request rsa1024 rsa1024 /CN=x ''
request rsa4104 rsa4104 /CN=x ''
request rsa-pss pss /CN=x ''
request sha1 rsa2048 /CN=x '' -sha1
