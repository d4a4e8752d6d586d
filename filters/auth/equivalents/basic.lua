-- The pair as it stands in the header, in clear: a script has no hash for passwords.
local users = { ["Basic YW5uOnMzY3JldDp3aXRoIGNvbG9u"] = "ann" }

function envoy_on_request(handle)
  local headers = handle:headers()
  local user = users[headers:get("authorization") or ""]
  headers:remove("x-consumer")
  if user == nil then
    handle:respond({ [":status"] = "401", ["www-authenticate"] = 'Basic realm="restricted"' }, "Unauthorized")
    return
  end
  headers:add("x-consumer", user)
end
