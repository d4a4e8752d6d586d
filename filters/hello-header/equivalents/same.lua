function envoy_on_request(handle)
  handle:headers():replace("x-tier", "gold")
end

function envoy_on_response(handle)
  handle:headers():replace("hello", "world")
end
