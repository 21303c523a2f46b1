# The official gem remove_bg where it is installed; else a stand-in of the standard library that
# sends the gem's requests and reads as strictly: keyword arguments for the account, errors.first.
require "json"
require "net/http"

IMAGE, FOLDER = ARGV

def with_gem
  RemoveBg.configure { |config| config.api_key = "any" }
  result = RemoveBg.from_file(IMAGE, format: "zip")
  File.binwrite("#{FOLDER}/file.zip", result.send(:download).tap(&:rewind).read)
  refused = begin
    RemoveBg.from_file(IMAGE, size: "huge")
  rescue RemoveBg::HttpError => error
    error.message
  end
  account = RemoveBg.account_info
  { client: "gem", width: result.metadata.width, remaining: result.rate_limit.remaining,
    refused: refused, total: account.credits.total }
end

class Credits
  attr_reader :total

  def initialize(total:, subscription:, payg:, enterprise:)
    @total = total
  end
end

class Calls
  def initialize(free_calls:, sizes:); end
end

def call(request)
  request["X-Api-Key"] = "any"
  request["User-Agent"] = "remove-bg-ruby-2.0.0"
  Net::HTTP.start("api.remove.bg", 443, use_ssl: true, read_timeout: 20) { |web| web.request(request) }
end

def remove(**fields)
  request = Net::HTTP::Post.new("/v1.0/removebg")
  form = fields.map { |name, value| [name.to_s, value] }
  form << ["image_file", File.open(IMAGE, "rb"), { filename: File.basename(IMAGE) }]
  request.set_form(form, "multipart/form-data")
  call(request)
end

def with_standard_library
  answer = remove(size: "auto", format: "zip")
  raise answer.body unless answer["Content-Type"].include?("application/zip")
  File.binwrite("#{FOLDER}/file.zip", answer.body)
  refused = (JSON.parse(remove(size: "huge").body)["errors"] || []).first["title"]
  account = call(Net::HTTP::Get.new("/v1.0/account"))
  attributes = JSON.parse(account.body, symbolize_names: true).fetch(:data).fetch(:attributes)
  Calls.new(**attributes.fetch(:api))
  { client: "stand-in", width: Integer(answer["X-Width"]),
    remaining: Integer(answer["X-RateLimit-Remaining"]), refused: refused,
    total: Credits.new(**attributes.fetch(:credits)).total }
end

gem = begin
  require "remove_bg"
  true
rescue LoadError
  false
end
puts JSON.generate(gem ? with_gem : with_standard_library)
