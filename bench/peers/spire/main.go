// A closed loop of callers of SPIRE's server, over its administrators' socket. Each line on stdin is a load in JSON; when its warm-up is
// over a line says so, when its window is over another says what came of it.
//
//	spire-load SOCKET TRUST-DOMAIN
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	svidv1 "github.com/spiffe/spire-api-sdk/proto/spire/api/server/svid/v1"
	"github.com/spiffe/spire-api-sdk/proto/spire/api/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

type load struct {
	Mints       string  `json:"mints"` // jwt or x509
	Connections int     `json:"connections"`
	WarmUp      float64 `json:"warm_up_s"`
	Window      float64 `json:"window_s"`
}

type sample struct {
	Answers int     `json:"answers"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Error   string  `json:"error"`
}

type caller func(context.Context) error

func main() {
	socket, trustDomain := os.Args[1], os.Args[2]
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var given load
		if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
			panic(err)
		}
		say(run(socket, trustDomain, given))
	}
}

func say(what any) {
	if err := json.NewEncoder(os.Stdout).Encode(what); err != nil {
		os.Exit(1)
	}
}

func run(socket, trustDomain string, given load) sample {
	var counts, over atomic.Bool
	var failed atomic.Pointer[string]
	took := make([][]time.Duration, given.Connections)
	var callers sync.WaitGroup
	for place := range given.Connections {
		connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return sample{Error: err.Error()}
		}
		defer connection.Close()
		call, err := minting(svidv1.NewSVIDClient(connection), trustDomain, given.Mints)
		if err != nil {
			return sample{Error: err.Error()}
		}
		callers.Go(func() {
			for !over.Load() {
				begun := time.Now()
				if err := call(context.Background()); err != nil {
					text := err.Error()
					failed.Store(&text)
					return
				}
				if counts.Load() {
					took[place] = append(took[place], time.Since(begun))
				}
			}
		})
	}
	time.Sleep(time.Duration(given.WarmUp * float64(time.Second)))
	say(map[string]bool{"begun": true})
	counts.Store(true)
	time.Sleep(time.Duration(given.Window * float64(time.Second)))
	counts.Store(false)
	over.Store(true)
	callers.Wait()
	return summary(slices.Concat(took...), failed.Load())
}

func minting(client svidv1.SVIDClient, trustDomain, what string) (caller, error) {
	id := &types.SPIFFEID{TrustDomain: trustDomain, Path: "/ns/ml/sa/worker"}
	if what == "jwt" {
		request := &svidv1.MintJWTSVIDRequest{Id: id, Audience: []string{"https://work.example.org"}}
		return func(ctx context.Context) error {
			answer, err := client.MintJWTSVID(ctx, request)
			if err == nil && len(answer.Svid.Token) < 100 {
				err = fmt.Errorf("no token")
			}
			return err
		}, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	uri := &url.URL{Scheme: "spiffe", Host: id.TrustDomain, Path: id.Path}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{uri}}, key)
	if err != nil {
		return nil, err
	}
	request := &svidv1.MintX509SVIDRequest{Csr: csr}
	return func(ctx context.Context) error {
		answer, err := client.MintX509SVID(ctx, request)
		if err == nil && len(answer.Svid.CertChain) == 0 {
			err = fmt.Errorf("no certificate")
		}
		return err
	}, nil
}

func summary(took []time.Duration, failed *string) sample {
	if failed != nil {
		return sample{Error: *failed}
	}
	if len(took) == 0 {
		return sample{Error: "no answer within the window"}
	}
	slices.Sort(took)
	at := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))].Nanoseconds()) / 1e3 }
	return sample{Answers: len(took), P50: at(0.50), P99: at(0.99)}
}
