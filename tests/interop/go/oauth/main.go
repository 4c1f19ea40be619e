// OAuth clients as anyone would write them with Go's libraries: golang.org/x/oauth2 obtains and uses a token, go-oidc verifies it,
// zitadel/oidc discovers, introspects and revokes. `oauth VERB JSON` prints what came of it as a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	verifier "github.com/coreos/go-oidc/v3/oidc"
	"github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

type options struct {
	Issuer        string
	Audience      string
	ClientID      string
	Assertion     string
	AssertionType string
	Scopes        []string
	Detect        bool   // leave it to the library to find out how clients authenticate
	URL           string // what is called with the token
	Token         string
	Bearer        string // the caller's own token
}

var verbs = map[string]func(context.Context, options) (any, error){
	"discover":   discover,
	"obtain":     obtain,
	"call":       call,
	"verify":     verify,
	"introspect": introspect,
	"revoke":     revoke,
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
		result = refusal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
}

// What a program has to go by when it is refused: the text that it would log, and what the library understood.
func refusal(err error) map[string]any {
	said := map[string]any{"printed": err.Error()}
	var retrieving *oauth2.RetrieveError
	var asking *oidc.Error
	if errors.As(err, &retrieving) {
		said["code"], said["status"] = retrieving.ErrorCode, retrieving.Response.StatusCode
	} else if errors.As(err, &asking) {
		said["code"] = asking.ErrorType
	}
	return said
}

// === the client of an API ===

func config(ctx context.Context, given options) (*clientcredentials.Config, error) {
	server, err := metadata(ctx, given.Issuer)
	if err != nil {
		return nil, err
	}
	style := oauth2.AuthStyleInParams
	if given.Detect {
		style = oauth2.AuthStyleAutoDetect
	}
	params := url.Values{"client_assertion": {given.Assertion}, "client_assertion_type": {given.AssertionType}}
	if given.Audience != "" {
		params.Set("audience", given.Audience)
	}
	return &clientcredentials.Config{
		ClientID:       given.ClientID,
		TokenURL:       server.TokenEndpoint,
		Scopes:         given.Scopes,
		EndpointParams: params,
		AuthStyle:      style,
	}, nil
}

func obtain(ctx context.Context, given options) (any, error) {
	client, err := config(ctx, given)
	if err != nil {
		return nil, err
	}
	token, err := client.Token(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"token":   token.AccessToken,
		"type":    token.Type(),
		"seconds": time.Until(token.Expiry).Seconds(),
		"scope":   token.Extra("scope"),
	}, nil
}

// Two calls by the client that the library makes, which obtains a token when it needs one.
func call(ctx context.Context, given options) (any, error) {
	client, err := config(ctx, given)
	if err != nil {
		return nil, err
	}
	caller := client.Client(ctx)
	var statuses []int
	for range 2 {
		response, err := caller.Get(given.URL)
		if err != nil {
			return nil, err
		}
		response.Body.Close()
		statuses = append(statuses, response.StatusCode)
	}
	return map[string]any{"statuses": statuses}, nil
}

// === the owner of an API ===

func verify(ctx context.Context, given options) (any, error) {
	provider, err := verifier.NewProvider(ctx, given.Issuer)
	if err != nil {
		return nil, err
	}
	token, err := provider.Verifier(&verifier.Config{ClientID: given.Audience}).Verify(ctx, given.Token)
	if err != nil {
		return nil, err
	}
	return map[string]any{"subject": token.Subject, "audience": token.Audience, "issuer": token.Issuer}, nil
}

func introspect(ctx context.Context, given options) (any, error) {
	server, err := metadata(ctx, given.Issuer)
	if err != nil {
		return nil, err
	}
	return rs.Introspect[*oidc.IntrospectionResponse](ctx, owner{server, given.Bearer}, given.Token)
}

// The library's own resource servers authenticate by secret or key; this one by its access token, RFC 7662 section 2.1.
type owner struct {
	server *oidc.DiscoveryConfiguration
	bearer string
}

func (o owner) IntrospectionURL() string { return o.server.IntrospectionEndpoint }
func (o owner) TokenEndpoint() string    { return o.server.TokenEndpoint }
func (o owner) HttpClient() *http.Client { return httphelper.DefaultHTTPClient }
func (o owner) AuthFn() (any, error) {
	return httphelper.RequestAuthorization(func(request *http.Request) {
		request.Header.Set("Authorization", "Bearer "+o.bearer)
	}), nil
}

// === whoever holds a token ===

func revoke(ctx context.Context, given options) (any, error) {
	server, err := metadata(ctx, given.Issuer)
	if err != nil {
		return nil, err
	}
	request := client.RevokeRequest{Token: given.Token, TokenTypeHint: "access_token"}
	return map[string]any{"revoked": true}, client.CallRevokeEndpoint(ctx, request, nil, holder{server})
}

type holder struct{ server *oidc.DiscoveryConfiguration }

func (h holder) GetRevokeEndpoint() string { return h.server.RevocationEndpoint }
func (h holder) HttpClient() *http.Client  { return &http.Client{} }

// === what the server says of itself ===

func discover(ctx context.Context, given options) (any, error) {
	return metadata(ctx, given.Issuer)
}

// RFC 8414.
func metadata(ctx context.Context, issuer string) (*oidc.DiscoveryConfiguration, error) {
	at := fmt.Sprintf("%s/.well-known/oauth-authorization-server", issuer)
	return client.Discover(ctx, issuer, httphelper.DefaultHTTPClient, at)
}
