-- One bucket for each worker: a script has no data that workers share.
local quota, window = 1000000, 1
local left, filled = quota, nil

function envoy_on_request(handle)
  local now = handle:timestamp() / 1000
  filled = filled or now
  left = math.min(quota, left + (now - filled) * quota / window)
  filled = now
  if left < 1 then
    local told = { [":status"] = "429", ["x-ratelimit-limit"] = string.format("%d", quota), ["x-ratelimit-remaining"] = "0" }
    told["x-ratelimit-reset"] = string.format("%d", math.ceil((quota - left) * window / quota))
    handle:respond(told, "")
    return
  end
  left = left - 1
  local reset = math.ceil((quota - left) * window / quota)
  handle:streamInfo():dynamicMetadata():set("weir.bench", "left", string.format("%d", math.floor(left)))
  handle:streamInfo():dynamicMetadata():set("weir.bench", "reset", string.format("%d", reset))
end

function envoy_on_response(handle)
  local known = handle:streamInfo():dynamicMetadata():get("weir.bench")
  if known == nil then
    return
  end
  local headers = handle:headers()
  headers:replace("x-ratelimit-limit", string.format("%d", quota))
  headers:replace("x-ratelimit-remaining", known["left"])
  headers:replace("x-ratelimit-reset", known["reset"])
end
