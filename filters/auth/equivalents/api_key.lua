-- The key itself and not its digest: a script has no SHA-256.
local consumers = { ["key-of-acme"] = "acme" }

function envoy_on_request(handle)
  local headers = handle:headers()
  local consumer = consumers[headers:get("x-api-key") or ""]
  headers:remove("x-consumer")
  if consumer == nil then
    handle:respond({ [":status"] = "401", ["www-authenticate"] = 'ApiKey realm="restricted"' }, "Unauthorized")
    return
  end
  headers:add("x-consumer", consumer)
end
