package main

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// parseAddress reads an address of either family, with or without a port and brackets; the zero one where it is none. An
// IPv4 address that is written as one of IPv6 is IPv4.
func parseAddress(text string) netip.Addr {
	if inner, found := strings.CutPrefix(text, "["); found {
		if inner, found := strings.CutSuffix(inner, "]"); found {
			address, err := netip.ParseAddr(inner)
			if err != nil || address.Is4() || address.Zone() != "" {
				return netip.Addr{}
			}
			return address.Unmap()
		}
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		var port netip.AddrPort
		port, err = netip.ParseAddrPort(text)
		address = port.Addr()
	}
	if err != nil || address.Zone() != "" {
		return netip.Addr{}
	}
	return address.Unmap()
}

// parseNetwork reads a network in CIDR notation, or an address alone, which is a network of one. Where bits behind the
// prefix are set it is none: whoever writes 10.1.2.3/8 means something else than it says.
func parseNetwork(text string) (netip.Prefix, bool) {
	written, digits, hasLength := strings.Cut(text, "/")
	address, err := netip.ParseAddr(written)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, false
	}
	if !hasLength {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	length, err := strconv.ParseUint(digits, 10, 8)
	network := netip.PrefixFrom(address, int(length))
	return network, err == nil && network.IsValid() && network.Masked() == network
}

// contain tells whether an address is in one of these networks. The zero address is in none.
func contain(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

// trust is whom to believe about where a request came from: nobody but the proxy, so many proxies, or proxies in some
// networks.
type trust struct {
	// hops is how many places from the right in x-forwarded-for the client's address stands; 0 where that is not believed.
	hops     int
	networks []netip.Prefix
}

func (t trust) reads() bool {
	return t.hops > 0 || len(t.networks) > 0
}

// client returns the address of the client: source is the one that the proxy sees, forwarded the values of x-forwarded-for
// in their order.
//
// Whatever a client writes into the header stands to the left of what the trusted proxies wrote, and is not believed. A list
// that is too short, or holds something that is no address where it matters, is not what the trusted proxies would have
// written: then it is the address that the nearest of them vouches for, or source.
func (t trust) client(source netip.Addr, forwarded []string) netip.Addr {
	var fromRight []netip.Addr
	if len(forwarded) > 0 {
		entries := strings.Split(strings.Join(forwarded, ","), ",")
		slices.Reverse(entries)
		for _, entry := range entries {
			fromRight = append(fromRight, parseAddress(strings.Trim(entry, " \t\r\n\f")))
		}
	}
	if t.hops > 0 {
		if t.hops <= len(fromRight) && fromRight[t.hops-1].IsValid() {
			return fromRight[t.hops-1]
		}
		return source
	}
	client := source
	for _, next := range fromRight {
		if !contain(t.networks, client) || !next.IsValid() {
			break
		}
		client = next
	}
	return client
}
