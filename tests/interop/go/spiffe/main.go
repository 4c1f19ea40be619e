// go-spiffe as whoever accepts SVIDs uses it: it parses bundles, fetches them from endpoints of both profiles, verifies JWT-SVIDs and
// X509-SVIDs by them, and speaks TLS with SVIDs at both ends; beside it Go's own verifier of certificates. `spiffe VERB JSON` prints
// what came of it as a line of JSON.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

type options struct {
	Bundles     map[string]string // SPIFFE bundles as their documents, by the name of their trust domain
	TrustDomain string
	URL         string
	EndpointID  string // of profile https_spiffe; absent for https_web
	Token       string
	Audience    string
	SVID        svid
	Peer        svid
	Socket      string
}

// An X509-SVID in PEM.
type svid struct{ Chain, Key string }

var verbs = map[string]func(context.Context, options) (any, error){
	"parse":    parse,
	"fetch":    fetch,
	"jwt":      jwt,
	"x509":     x509SVID,
	"chain":    chain,
	"tls":      speak,
	"workload": workload,
}

func main() {
	var given options
	if err := json.Unmarshal([]byte(os.Args[2]), &given); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	result, err := verbs[os.Args[1]](ctx, given)
	if err != nil {
		result = map[string]string{"refused": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
}

// === bundles ===

func parse(_ context.Context, given options) (any, error) {
	trustDomain, err := spiffeid.TrustDomainFromString(given.TrustDomain)
	if err != nil {
		return nil, err
	}
	bundle, err := spiffebundle.Parse(trustDomain, []byte(given.Bundles[given.TrustDomain]))
	if err != nil {
		return nil, err
	}
	return told(bundle)
}

func fetch(ctx context.Context, given options) (any, error) {
	trustDomain, err := spiffeid.TrustDomainFromString(given.TrustDomain)
	if err != nil {
		return nil, err
	}
	var options []federation.FetchOption
	if given.EndpointID != "" {
		endpoint, err := spiffeid.FromString(given.EndpointID)
		if err != nil {
			return nil, err
		}
		known, err := bundles(given)
		if err != nil {
			return nil, err
		}
		options = append(options, federation.WithSPIFFEAuth(known, endpoint))
	}
	bundle, err := federation.FetchBundle(ctx, trustDomain, given.URL, options...)
	if err != nil {
		return nil, err
	}
	return told(bundle)
}

func told(bundle *spiffebundle.Bundle) (any, error) {
	document, err := bundle.Marshal()
	if err != nil {
		return nil, err
	}
	sequence, _ := bundle.SequenceNumber()
	hint, _ := bundle.RefreshHint()
	keys := []string{}
	for id := range bundle.JWTAuthorities() {
		keys = append(keys, id)
	}
	return map[string]any{
		"trustDomain": bundle.TrustDomain().Name(),
		"sequence":    sequence,
		"hint":        hint.Seconds(),
		"keys":        keys,
		"authorities": len(bundle.X509Authorities()),
		"document":    string(document),
	}, nil
}

func bundles(given options) (*spiffebundle.Set, error) {
	set := spiffebundle.NewSet()
	for name, document := range given.Bundles {
		trustDomain, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return nil, err
		}
		bundle, err := spiffebundle.Parse(trustDomain, []byte(document))
		if err != nil {
			return nil, err
		}
		set.Add(bundle)
	}
	return set, nil
}

// === SVIDs ===

func jwt(_ context.Context, given options) (any, error) {
	known, err := bundles(given)
	if err != nil {
		return nil, err
	}
	svid, err := jwtsvid.ParseAndValidate(given.Token, known, []string{given.Audience})
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": svid.ID.String(), "audience": svid.Audience, "seconds": time.Until(svid.Expiry).Seconds(), "claims": svid.Claims}, nil
}

func x509SVID(_ context.Context, given options) (any, error) {
	known, err := bundles(given)
	if err != nil {
		return nil, err
	}
	svid, err := given.SVID.read()
	if err != nil {
		return nil, err
	}
	id, chains, err := x509svid.Verify(svid.Certificates, known)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"id":      id.String(),
		"length":  len(chains[0]),
		"dns":     svid.Certificates[0].DNSNames,
		"subject": svid.Certificates[0].Subject.String(),
		"seconds": time.Until(svid.Certificates[0].NotAfter).Seconds(),
	}, nil
}

// Go's own verifier, which knows of no SPIFFE: all of TLS's demands on the chain, for a client and for a server.
func chain(_ context.Context, given options) (any, error) {
	known, err := bundles(given)
	if err != nil {
		return nil, err
	}
	trustDomain, err := spiffeid.TrustDomainFromString(given.TrustDomain)
	if err != nil {
		return nil, err
	}
	bundle, err := known.GetX509BundleForTrustDomain(trustDomain)
	if err != nil {
		return nil, err
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, authority := range bundle.X509Authorities() {
		roots.AddCert(authority)
	}
	certificates, err := given.SVID.certificates()
	if err != nil {
		return nil, err
	}
	for _, certificate := range certificates[1:] {
		between.AddCert(certificate)
	}
	var lengths []int
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		found, err := certificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
		if err != nil {
			return nil, err
		}
		lengths = append(lengths, len(found[0]))
	}
	return map[string]any{"id": certificates[0].URIs[0].String(), "lengths": lengths}, nil
}

// A connection between two workloads, each of which knows the bundles and lets in the other's trust domain alone.
func speak(ctx context.Context, given options) (any, error) {
	known, err := bundles(given)
	if err != nil {
		return nil, err
	}
	server, err := given.SVID.read()
	if err != nil {
		return nil, err
	}
	client, err := given.Peer.read()
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	serving := tls.Server(near, tlsconfig.MTLSServerConfig(server, known, tlsconfig.AuthorizeMemberOf(client.ID.TrustDomain())))
	calling := tls.Client(far, tlsconfig.MTLSClientConfig(client, known, tlsconfig.AuthorizeMemberOf(server.ID.TrustDomain())))
	served := make(chan error, 1)
	go func() {
		err := serving.HandshakeContext(ctx)
		if err != nil {
			near.Close()
		}
		served <- err
	}()
	called := calling.HandshakeContext(ctx)
	if called != nil {
		far.Close()
	}
	if err := errors.Join(called, <-served); err != nil {
		return nil, err
	}
	seen := func(connection *tls.Conn) string {
		return connection.ConnectionState().PeerCertificates[0].URIs[0].String()
	}
	return map[string]string{"server": seen(calling), "client": seen(serving)}, nil
}

func (s svid) read() (*x509svid.SVID, error) {
	return x509svid.Parse([]byte(s.Chain), []byte(s.Key))
}

func (s svid) certificates() ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for rest := []byte(s.Chain); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errors.New("no certificate")
	}
	return certificates, nil
}

// === the Workload API ===

func workload(ctx context.Context, given options) (any, error) {
	client, err := workloadapi.New(ctx, workloadapi.WithAddr("unix://"+given.Socket))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	token, err := client.FetchJWTSVID(ctx, jwtsvid.Params{Audience: given.Audience})
	if err != nil {
		return nil, err
	}
	seen, err := client.FetchX509Context(ctx)
	if err != nil {
		return nil, err
	}
	own := seen.DefaultSVID()
	certificates, key, err := own.Marshal()
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, bundle := range seen.Bundles.Bundles() {
		names = append(names, bundle.TrustDomain().Name())
	}
	return map[string]any{"id": own.ID.String(), "jwt": token.Marshal(), "chain": string(certificates), "key": string(key), "bundles": names}, nil
}
